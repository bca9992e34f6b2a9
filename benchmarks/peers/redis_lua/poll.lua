-- Lease the oldest queued task: no other poll gets it before its lease ends.
--
-- KEYS[1]  list of queued executions
-- KEYS[2]  sorted set of leases, by the time of their end
-- ARGV[1]  end of the lease, ms
-- ARGV[2]  prefix of the hashes of executions
-- Returns {id, input}, or false when nothing is queued.
--
-- The hash is named by what the list holds, so it is no key that was passed: fine on one server, not on a cluster.
local id = redis.call('RPOP', KEYS[1])
if not id then
  return false
end
local execution = ARGV[2] .. id
redis.call('ZADD', KEYS[2], ARGV[1], id)
redis.call('HSET', execution, 'task', 'IN_PROGRESS')
return { id, redis.call('HGET', execution, 'input') }
