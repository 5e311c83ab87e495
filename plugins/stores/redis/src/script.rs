//! The scripts that the server runs: each call that writes is one script, so that it is atomic.

use redis::{Cmd, Connection, ConnectionLike as _, ErrorKind, RedisResult, ServerErrorKind, Value};

/// The version of the stored format.
pub(crate) const FORMAT: &str = "1";

/// The version of the stored format of the ledger. Releases without a ledger ignore it.
pub(crate) const LEDGER_FORMAT: &str = "1";

/// The most records that one call of a script fetches.
pub(crate) const PAGE: usize = 1000;

/// The start of all scripts. Lua's stack limits the number of arguments of a command, hence the chunks.
macro_rules! prelude {
    () => {
        r"
local jobs, times, meta = KEYS[1], KEYS[2], KEYS[3]
local CHUNK = 4000

-- Calls a command with any number of arguments.
local function call(command, key, arguments)
  for first = 1, #arguments, CHUNK do
    redis.call(command, key, unpack(arguments, first, math.min(first + CHUNK - 1, #arguments)))
  end
end

-- The values of these fields; false for those that are not there.
local function read(key, ids)
  local values = {}
  for first = 1, #ids, CHUNK do
    local some = redis.call('HMGET', key, unpack(ids, first, math.min(first + CHUNK - 1, #ids)))
    for place = 1, #some do values[first + place - 1] = some[place] end
  end
  return values
end

-- Revision, run time, and where the state begins. Where somebody broke them: '0', nil, 1.
local function head(value)
  local revision, time, state =
    string.match(value, '^([1-9]%d*) (%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ) ()')
  if not revision then revision, time, state = string.match(value, '^([1-9]%d*) (paused) ()') end
  if not revision or #revision > 18 then return '0', nil, 1 end
  return revision, time, state
end

-- A revision that no record ever had.
local function new_revision()
  return string.format('%.0f', redis.call('HINCRBY', meta, 'revision', 1))
end

-- Tells the others. A user who may not publish may still schedule.
local function tell(channel, teller)
  redis.pcall('PUBLISH', channel, teller)
end
"
    };
}

/// A script for a started store. If the keys are missing, it returns an error and does nothing.
macro_rules! script {
    ($($code:tt)+) => {
        concat!(
            $crate::script::prelude!(),
            "
if redis.call('HEXISTS', meta, 'format') == 0 then
  return redis.error_reply('GONE the keys of the job store are gone')
end
",
            $($code)+
        )
    };
}
pub(crate) use {prelude, script};

/// Keys: those of all scripts, and that of the metadata of the run times. Arguments: the format, a new identity for the
/// store, and the format of the ledger. Returns the format of the existing keys, empty if another program uses them; the
/// jobs that the run times belong to; the run times that belong to the jobs; the identity of the store, which it keeps until
/// the server is emptied; and the format of the existing ledger.
///
/// Both keys refer to each other from the first start on: a store with the run times of other jobs would find no jobs for
/// them, and remove the entries. The tokens of stores that never asked for them are deleted after a week.
const START: &str = concat!(
    prelude!(),
    r"
local now = tonumber(redis.call('TIME')[1])
for _, field in ipairs(redis.call('HKEYS', meta)) do
  if string.sub(field, 1, 6) == 'claim ' then
    local written = tonumber(string.match(redis.call('HGET', meta, field), '^%d+'))
    if not written or now - written > 604800 then redis.call('HDEL', meta, field) end
  end
end
local format = redis.call('HGET', meta, 'format')
local owner = redis.call('HGET', KEYS[4], 'jobs') or jobs
local kept = redis.call('HGET', meta, 'run_times') or times
local ledger = redis.call('HGET', meta, 'ledger') or ARGV[3]
if not format and owner == jobs and redis.call('EXISTS', jobs, times) > 0 then format = '' end
if (not format or format == ARGV[1]) and owner == jobs and kept == times and ledger == ARGV[3] then
  format = ARGV[1]
  redis.call('HSET', meta, 'format', format, 'run_times', times, 'ledger', ledger)
  redis.call('HSETNX', meta, 'store', ARGV[2])
  redis.call('HSET', KEYS[4], 'jobs', jobs)
end
return {format or ARGV[1], owner, kept, redis.call('HGET', meta, 'store') or '', ledger}
"
);

/// Arguments: id. Returns the record.
const FIND: &str = script!("return redis.call('HGET', jobs, ARGV[1])");

/// Arguments: two bounds of run times with ids, how many to skip, and how many to return. Returns the identity of the store,
/// the last place that was looked at if there may be more, and then `RUN_TIME ID` and the record in turn.
///
/// If an entry does not match its record, somebody edited it: the entry is repaired.
const FETCH: &str = script!(
    r"
local limit = tonumber(ARGV[4])
local entries = redis.call('ZRANGEBYLEX', times, ARGV[1], ARGV[2], 'LIMIT', ARGV[3], limit)
local ids = {}
for place, entry in ipairs(entries) do
  ids[place] = string.sub(entry, (string.find(entry, ' ', 1, true) or 0) + 1)
end
local values = read(jobs, ids)
local name = redis.call('HGET', meta, 'store') or ''
local found = {name, #entries == limit and entries[limit] or ''}
for place, entry in ipairs(entries) do
  local value = values[place]
  if not value then
    redis.call('ZREM', times, entry)
  else
    local revision, time = head(value)
    if time and time .. ' ' .. ids[place] ~= entry then
      redis.call('ZREM', times, entry)
      redis.call('ZADD', times, 0, time .. ' ' .. ids[place])
    else
      found[#found + 1] = entry
      found[#found + 1] = value
    end
  end
end
return found
"
);

/// Arguments: channel, sender, and for each record id, `1` if it may replace another, run time, state. Returns 0, or the
/// number of the first new record whose id is taken; then nothing was written.
const ADD: &str = script!(
    r"
local ids = {}
for first = 3, #ARGV, 4 do ids[#ids + 1] = ARGV[first] end
local before = read(jobs, ids)
for place = 1, #ids do
  if before[place] and ARGV[place * 4] ~= '1' then return place end
end
local revision = new_revision()
local records, entries, stale = {}, {}, {}
for place, id in ipairs(ids) do
  local time, state = ARGV[place * 4 + 1], ARGV[place * 4 + 2]
  local old_time
  if before[place] then
    local _
    _, old_time = head(before[place])
    if old_time then stale[#stale + 1] = old_time .. ' ' .. id end
  end
  records[#records + 1] = id
  records[#records + 1] = revision .. ' ' .. time .. ' ' .. state
  entries[#entries + 1] = '0'
  entries[#entries + 1] = time .. ' ' .. id
end
call('HSET', jobs, records)
call('ZREM', times, stale)
call('ZADD', times, entries)
tell(ARGV[1], ARGV[2])
return 0
"
);

/// Arguments: channel, sender, id, revision, run time, state. Returns 1, or 0 if the record has another revision, or -1 if
/// there is none.
const UPDATE: &str = script!(
    r"
local id = ARGV[3]
local value = redis.call('HGET', jobs, id)
if not value then return -1 end
local revision, time = head(value)
if revision ~= ARGV[4] then return 0 end
redis.call('HSET', jobs, id, new_revision() .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
if time then redis.call('ZREM', times, time .. ' ' .. id) end
redis.call('ZADD', times, 0, ARGV[5] .. ' ' .. id)
tell(ARGV[1], ARGV[2])
return 1
"
);

/// Arguments: channel, sender, id. Returns how many records were removed.
const REMOVE: &str = script!(
    r"
local id = ARGV[3]
local value = redis.call('HGET', jobs, id)
if not value then return 0 end
local _, time = head(value)
redis.call('HDEL', jobs, id)
if time then redis.call('ZREM', times, time .. ' ' .. id) end
tell(ARGV[1], ARGV[2])
return 1
"
);

/// Arguments: channel, sender. The revisions continue, so that old handles can't change new jobs.
const REMOVE_ALL: &str = script!(
    r"
redis.call('UNLINK', jobs, times)
tell(ARGV[1], ARGV[2])
return 0
"
);

/// The scripts, with their hashes.
pub(crate) struct Scripts {
    pub(crate) start: Script,
    pub(crate) find: Script,
    pub(crate) fetch: Script,
    pub(crate) add: Script,
    pub(crate) update: Script,
    pub(crate) remove: Script,
    pub(crate) remove_all: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            start: Script::new(START),
            find: Script::new(FIND),
            fetch: Script::new(FETCH),
            add: Script::new(ADD),
            update: Script::new(UPDATE),
            remove: Script::new(REMOVE),
            remove_all: Script::new(REMOVE_ALL),
        }
    }
}

/// One script.
pub(crate) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// Returns a call, without arguments yet.
    pub(crate) fn call(&self, keys: &[&str]) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.hash).arg(keys.len()).arg(keys);
        call
    }

    /// Runs a call. If the server does not know the script any more, it is loaded again.
    pub(crate) fn run(&self, call: &Cmd, connection: &mut Connection) -> RedisResult<Value> {
        let answer = connection.req_command(call).and_then(Value::extract_error);
        match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                redis::cmd("SCRIPT").arg("LOAD").arg(self.code).exec(connection)?;
                connection.req_command(call).and_then(Value::extract_error)
            }
            answer => answer,
        }
    }
}
