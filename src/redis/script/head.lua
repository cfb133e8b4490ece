-- seawall: limits shared by many processes. All of a call's limits are decided here, all or nothing, by the server's clock.
-- ARGV: verb, cost, most, owed, taken; then for each key: rule, unit, p, q, capacity. Times are microseconds.
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local match, format = string.match, string.format
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
local rules = {}
