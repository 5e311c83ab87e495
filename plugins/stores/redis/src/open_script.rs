//! What scripts do with the rows of open runs.

/// Functions on the rows of open runs, and the keys that claims and the ledger share.
macro_rules! open_rows {
    () => {
        r"
local journal, batches, open, open_index, open_due = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

-- The row of a run; empty if there is none.
local function open_row(run)
  return redis.call('HGET', open, run) or ''
end

-- The entries of a row in the index, and in the set of those that are due.
local function open_entries(run, row)
  local state, owner, due, length, at = string.match(row, '^(%a+) %d+ (%S+) (%S+) %S+ %S+ (%d+):()')
  if not state then return {} end
  local suffix = ' ' .. state .. ' ' .. run
  local job = length .. ':' .. string.sub(row, at, at + length - 1)
  return {'run ' .. run, 'job ' .. job .. suffix, 'owner ' .. owner .. suffix}, due ~= '-' and due .. ' ' .. run
end

-- Writes another row of a run, or none, if the row is as is expected: it begins with this mark, or there is none.
local function write_open(run, row, mark, new)
  if mark == '' and row ~= '' or mark ~= '' and string.sub(row, 1, #mark + 1) ~= mark .. ' ' then return end
  if row ~= '' then
    local entries, due = open_entries(run, row)
    call('ZREM', open_index, entries)
    if due then redis.call('ZREM', open_due, due) end
    if new == '' then redis.call('HDEL', open, run) end
  end
  if new ~= '' then
    local entries, due = open_entries(run, new)
    redis.call('HSET', open, run, new)
    for _, entry in ipairs(entries) do redis.call('ZADD', open_index, '0', entry) end
    if due then redis.call('ZADD', open_due, '0', due) end
  end
end
"
    };
}
pub(crate) use open_rows;
