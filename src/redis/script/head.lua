-- seawall: limits shared by many processes. All of a call's limits are asked at one reading of the server's clock.
-- ARGV: cost, most, owed, taken; then for each key unit, p, q, capacity. Numbers are doubles, times are microseconds.
local call, read, write, byte, sub = redis.call, struct.unpack, struct.pack, string.byte, string.sub
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local cost, most, owed, taken = read('<dddd', ARGV[1])
local time = call('TIME')
local clock = time[1] * 1000000 + time[2]
local granted = 0
