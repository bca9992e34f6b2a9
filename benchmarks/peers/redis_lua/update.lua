-- Report a result: the lease ends and the execution is completed, once.
--
-- KEYS[1]  hash of the execution
-- KEYS[2]  sorted set of leases
-- ARGV[1]  id of the execution
-- ARGV[2]  output
-- ARGV[3]  now, ms
-- Returns 1, or 0 when the task was not leased (any more).
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'status', 'COMPLETED', 'task', 'COMPLETED', 'output', ARGV[2], 'ended', ARGV[3])
return 1
