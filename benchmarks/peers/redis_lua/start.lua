-- Start an execution: its state is written and its one task is queued, or neither.
--
-- KEYS[1]  hash of the execution
-- KEYS[2]  list of queued executions
-- ARGV[1]  id of the execution
-- ARGV[2]  input
-- ARGV[3]  now, ms
-- Returns the id.
redis.call('HSET', KEYS[1], 'status', 'RUNNING', 'task', 'SCHEDULED', 'input', ARGV[2], 'started', ARGV[3])
redis.call('LPUSH', KEYS[2], ARGV[1])
return ARGV[1]
