-- A value and what is left of its life, or the lease to fill it: KEYS value, lease; ARGV token, life of a lease in ms.
local value = redis.call('GET', KEYS[1])
if value then return { value, redis.call('PTTL', KEYS[1]) } end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return { 1 } end
return { 0 }
