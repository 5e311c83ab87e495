//! The scripts of the ledger.

use crate::open_script::open_rows;
use crate::script::{Script, script};

/// A script on the ledger of a started store.
macro_rules! ledger_script {
    ($code:literal) => {
        script!(
            open_rows!(),
            r"
local owners, runs, by_state, by_job, kept = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]

-- The time in microseconds since 1970.
local function now()
  local time = redis.call('TIME')
  return time[1] .. string.format('%06d', time[2])
end

-- The state of an owner, its last heartbeat, and what follows.
local function find_owner(id)
  local value = redis.call('HGET', owners, id)
  if value then return string.match(value, '^(%a+) (%-?%d+) (.*)$') end
end

-- What the entries of a job begin with. No other job's do: the length tells where the id ends.
local function subject(job)
  return #job .. ':' .. job .. ' '
end
",
            $code
        )
    };
}

/// Arguments: owner, lease, and who it is. Returns its state.
const HEARTBEAT: &str = ledger_script!(
    r"
local state = find_owner(ARGV[1])
if state and state ~= 'alive' then return state end
redis.call('HSET', owners, ARGV[1], 'alive ' .. now() .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
return 'alive'
"
);

/// Arguments: owner.
const END: &str = ledger_script!(
    r"
local state, _, rest = find_owner(ARGV[1])
if state == 'alive' then redis.call('HSET', owners, ARGV[1], 'ended ' .. now() .. ' ' .. rest) end
return 0
"
);

/// Arguments: owner, heartbeat. Returns 1 if the owner is dead now because of this call.
const CONDEMN: &str = ledger_script!(
    r"
local state, heartbeat, rest = find_owner(ARGV[1])
if state ~= 'alive' or heartbeat ~= ARGV[2] then return 0 end
redis.call('HSET', owners, ARGV[1], 'dead ' .. heartbeat .. ' ' .. rest)
return 1
"
);

/// Arguments: owner, how many batches are closed, and how many steps there are. Then the identifiers of the
/// batches; for each step the run, the mark of its row, and the new row; for each record `RUN ATTEMPT`, state, job, and the
/// record. Returns 1, or 0 if the owner is dead.
///
/// A run that is older than what was pruned last would not be looked at again, so its job is.
const APPEND: &str = ledger_script!(
    r"
local first_step = 4 + ARGV[2]
local first_record = first_step + ARGV[3] * 3
if find_owner(ARGV[1]) == 'dead' then
  for place = first_record, #ARGV, 4 do
    local record = redis.call('HGET', runs, ARGV[place])
    if record and string.sub(record, 1, 5) == 'lost ' then
      redis.call('HSET', runs, ARGV[place], 'lost+' .. ARGV[place + 1] .. string.sub(record, 5))
    end
  end
  return 0
end
local names = {}
for place = first_record, #ARGV, 4 do names[#names + 1] = ARGV[place] end
local before = read(runs, names)
local taken, records, states, jobs, late, pruned = {}, {}, {}, {}, {}, {}
for number, name in ipairs(names) do
  local place = first_record + number * 4 - 4
  local state, job = ARGV[place + 1], ARGV[place + 2]
  if not before[number] and not taken[name] then
    taken[name] = true
    records[#records + 1] = name
    records[#records + 1] = ARGV[place + 3]
    states[#states + 1] = '0'
    states[#states + 1] = state .. ' ' .. name .. ' ' .. job
    jobs[#jobs + 1] = '0'
    jobs[#jobs + 1] = subject(job) .. state .. ' ' .. name
    if pruned[state] == nil then pruned[state] = redis.call('HGET', meta, 'pruned ' .. state) end
    if pruned[state] and string.sub(name, 1, 36) <= string.sub(pruned[state], 1, 36) then
      late[#late + 1] = '0'
      late[#late + 1] = job
    end
  end
end
call('HSET', runs, records)
call('ZADD', by_state, states)
call('ZADD', by_job, jobs)
call('ZADD', kept, late)
for place = first_step, first_record - 1, 3 do
  write_open(ARGV[place], open_row(ARGV[place]), ARGV[place + 1], ARGV[place + 2])
end
for place = 4, first_step - 1 do
  local entry = redis.call('HGET', journal, ARGV[place])
  if entry then
    redis.call('HDEL', journal, ARGV[place])
    redis.call('ZREM', batches, string.sub(entry, 1, 36) .. ' ' .. ARGV[place])
  end
end
return 1
"
);

/// Arguments: owner, the time up to which waiting runs are due, and how many to claim. Returns the runs and their rows in turn.
const CLAIM_OPEN: &str = ledger_script!(
    r"
local claimed = {}
if find_owner(ARGV[1]) == 'dead' then return claimed end
for _, entry in ipairs(redis.call('ZRANGEBYLEX', open_due, '-', '(' .. ARGV[2] .. '!', 'LIMIT', 0, ARGV[3])) do
  local run = string.match(entry, '%S+$')
  local row = open_row(run)
  local mark, attempt, rest = string.match(row, '^(waiting (%d+) %S+) %S+ (.*)$')
  if mark then
    local new = 'claimed ' .. attempt .. ' ' .. ARGV[1] .. ' - ' .. rest
    write_open(run, row, mark, new)
    claimed[#claimed + 1] = run
    claimed[#claimed + 1] = new
  end
  redis.call('ZREM', open_due, entry)
end
return claimed
"
);

/// Arguments: how many records of each job are kept in any case, how many of runs that succeeded, how many to look at, how
/// many to remove, the last heartbeat before which owners are removed, and for each state the run before which its records
/// are old. Returns how many records were removed, and 1 if there are more to look at.
///
/// For each state, the store remembers the last record that was looked at; those before it are gone, or are among the last
/// of their job. The jobs of the latter are kept in a set of their own, and some of them are looked at again each time,
/// because a job may have later records by now.
const PRUNE: &str = ledger_script!(
    r"
local CHECKED = 100
local keep, most, limit, left = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local states, old = {}, {}
for place = 6, #ARGV, 2 do
  states[#states + 1] = ARGV[place]
  old[ARGV[place]] = ARGV[place + 1]
end

-- Of the runs that succeeded, all before the latest ones are old.
if redis.call('ZLEXCOUNT', by_state, '[ok ', '(ok!') > most then
  local rank = redis.call('ZLEXCOUNT', by_state, '[ok!', '+') + most
  local surplus = string.sub(redis.call('ZREVRANGE', by_state, rank, rank)[1], 4, 39) .. '!'
  if surplus > old.ok then old.ok = surplus end
end

-- Whether enough later runs of the job are recorded. Usually, enough of them are in the same state, which is quick to see.
local function is_surplus(job, state, run)
  if keep == 0 then return true end
  local start, later = subject(job), 0
  if keep <= 100 then
    local from, to = '(' .. start .. state .. ' ' .. run .. '!', '(' .. start .. state .. '!'
    if #redis.call('ZRANGEBYLEX', by_job, from, to, 'LIMIT', keep - 1, 1) > 0 then return true end
  end
  for _, other in ipairs(states) do
    later = later + redis.call('ZLEXCOUNT', by_job, '(' .. start .. other .. ' ' .. run .. '!', '(' .. start .. other .. '!')
    if later >= keep then return true end
  end
  return false
end

local removed = {runs = {}, states = {}, jobs = {}}

local function remove(job, state, run, attempt)
  local name = run .. ' ' .. attempt
  table.insert(removed.runs, name)
  table.insert(removed.states, state .. ' ' .. name .. ' ' .. job)
  table.insert(removed.jobs, subject(job) .. state .. ' ' .. name)
  left = left - 1
end

local function write_removed()
  call('HDEL', runs, removed.runs)
  call('ZREM', by_state, removed.states)
  call('ZREM', by_job, removed.jobs)
  local count = #removed.runs
  removed = {runs = {}, states = {}, jobs = {}}
  return count
end

-- The old records of each state that were not looked at yet, in order, and the next of them.
local found, more = {}, 0
for _, state in ipairs(states) do
  local pruned = redis.call('HGET', meta, 'pruned ' .. state)
  local from = pruned and '(' .. state .. ' ' .. pruned or '[' .. state .. ' '
  local entries = redis.call('ZRANGEBYLEX', by_state, from, '(' .. state .. ' ' .. old[state], 'LIMIT', 0, limit)
  if #entries == limit then more = 1 end
  if #entries > 0 then
    found[#found + 1] = {state = state, entries = entries, place = 1, name = string.sub(entries[1], #state + 2)}
  end
end

local keepers = {}
for _ = 1, limit do
  local first
  for _, some in ipairs(found) do
    if some.name and (not first or some.name < first.name) then first = some end
  end
  if not first or left == 0 then break end
  local run, attempt, job = string.match(first.name, '^(%S+) (%d+) (.*)$')
  if run and is_surplus(job, first.state, run) then
    remove(job, first.state, run, attempt)
  elseif run then
    table.insert(keepers, '0')
    table.insert(keepers, job)
  end
  first.last = first.name
  first.place = first.place + 1
  local entry = first.entries[first.place]
  first.name = entry and string.sub(entry, #first.state + 2)
end
local count = write_removed()
call('ZADD', kept, keepers)
for _, some in ipairs(found) do
  if some.name then more = 1 end
  if some.last then redis.call('HSET', meta, 'pruned ' .. some.state, some.last) end
end

local checked = redis.call('TIME')[1]
local jobs_to_check = more == 0 and redis.call('ZRANGE', kept, 0, CHECKED - 1) or {}
for _, job in ipairs(jobs_to_check) do
  local is_kept = false
  for _, state in ipairs(states) do
    local start = subject(job) .. state .. ' '
    for _, entry in ipairs(redis.call('ZRANGEBYLEX', by_job, '[' .. start, '(' .. start .. old[state], 'LIMIT', 0, limit)) do
      local run, attempt = string.match(entry, '^(%S+) (%d+)$', #start + 1)
      if not run or left == 0 or not is_surplus(job, state, run) then
        is_kept = true
        break
      end
      remove(job, state, run, attempt)
    end
  end
  if is_kept then redis.call('ZADD', kept, checked, job) else redis.call('ZREM', kept, job) end
end
count = count + write_removed()

for _, id in ipairs(redis.call('HKEYS', owners)) do
  local state, heartbeat = find_owner(id)
  if state and state ~= 'alive' and tonumber(heartbeat) < tonumber(ARGV[5])
    and redis.call('ZLEXCOUNT', batches, '[' .. id .. ' ', '(' .. id .. '!') == 0
    and redis.call('ZLEXCOUNT', open_index, '[owner ' .. id .. ' claimed ', '(owner ' .. id .. ' claimed!') == 0 then
    redis.call('HDEL', owners, id)
  end
end
return {count, more}
"
);

/// The scripts, with their hashes.
pub(crate) struct LedgerScripts {
    pub(crate) append: Script,
    pub(crate) claim_open: Script,
    pub(crate) heartbeat: Script,
    pub(crate) end: Script,
    pub(crate) condemn: Script,
    pub(crate) prune: Script,
}

impl LedgerScripts {
    pub(crate) fn new() -> Self {
        Self {
            append: Script::new(APPEND),
            claim_open: Script::new(CLAIM_OPEN),
            heartbeat: Script::new(HEARTBEAT),
            end: Script::new(END),
            condemn: Script::new(CONDEMN),
            prune: Script::new(PRUNE),
        }
    }
}
