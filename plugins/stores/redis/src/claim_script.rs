//! The scripts of claims.

use crate::open_script::open_rows;
use crate::script::{Script, script};

/// Keys: those of claims. Arguments: channel, sender, a token, tokens of earlier calls that were answered, the batch, its
/// owner, when it was claimed, and how many claims there are. Then, for each claim, id, revision, the next run time, which is
/// empty if the job has finished, and its entry for the journal, which is empty if it has none. Then, for each open run, the
/// number of its claim, the run and its row.
///
/// Returns a `1` for each claim that was won, and a `0` for each other. If this answer is lost, the token can be used to ask
/// for it again.
const CLAIM: &str = script!(
    open_rows!(),
    r"
for token in string.gmatch(ARGV[4], '%S+') do redis.call('HDEL', meta, 'claim ' .. token) end
local batch, owner, count = ARGV[5], ARGV[6], tonumber(ARGV[8])
if redis.call('HEXISTS', meta, 'claim ' .. ARGV[3]) == 1 then return string.rep('0', count) end
local ids = {}
for place = 1, count do ids[place] = ARGV[place * 4 + 5] end
local before = read(jobs, ids)
local own = new_revision() .. ' '
local won, taken, records, finished, entries, stale, noted = {}, {}, {}, {}, {}, {}, {}
for place, id in ipairs(ids) do
  local value, next_time, note = before[place], ARGV[place * 4 + 7], ARGV[place * 4 + 8]
  won[place] = '0'
  if value then
    local revision, time, state = head(value)
    if revision == ARGV[place * 4 + 6] and not taken[id] then
      won[place], taken[id] = '1', true
      if time then stale[#stale + 1] = time .. ' ' .. id end
      if next_time == '' then
        finished[#finished + 1] = id
      else
        records[#records + 1] = id
        records[#records + 1] = own .. next_time .. ' ' .. string.sub(value, state)
        entries[#entries + 1] = '0'
        entries[#entries + 1] = next_time .. ' ' .. id
      end
      if note ~= '' then noted[#noted + 1] = note end
    end
  end
end
call('HSET', jobs, records)
call('HDEL', jobs, finished)
call('ZREM', times, stale)
call('ZADD', times, entries)
if #noted > 0 then
  redis.call('HSET', journal, batch, owner .. ' ' .. ARGV[7] .. ' [' .. table.concat(noted, ',') .. ']')
  redis.call('ZADD', batches, '0', owner .. ' ' .. batch)
end
for place = count * 4 + 9, #ARGV, 3 do
  local run = ARGV[place + 1]
  if won[tonumber(ARGV[place])] == '1' then write_open(run, open_row(run), '', ARGV[place + 2]) end
end
won = table.concat(won)
redis.call('HSET', meta, 'claim ' .. ARGV[3], redis.call('TIME')[1] .. ' ' .. won)
if #records + #finished > 0 then tell(ARGV[1], ARGV[2]) end
return won
"
);

/// Arguments: a token. Returns what the claim with it returned, or nothing if it has not arrived. Should it arrive later, it
/// is refused: the token is marked as used.
const CLAIMED: &str = script!(
    r"
local field = 'claim ' .. ARGV[1]
local written = redis.call('HGET', meta, field)
if written then return string.match(written, ' (.*)') end
redis.call('HSET', meta, field, redis.call('TIME')[1] .. ' ')
return ''
"
);

/// The scripts, with their hashes.
pub(crate) struct ClaimScripts {
    pub(crate) claim: Script,
    pub(crate) claimed: Script,
}

impl ClaimScripts {
    pub(crate) fn new() -> Self {
        Self { claim: Script::new(CLAIM), claimed: Script::new(CLAIMED) }
    }
}
