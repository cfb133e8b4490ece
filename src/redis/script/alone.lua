-- seawall: one token bucket shared by many processes, the same as bucket.lua between head.lua and tail.lua in a third of the time.
-- ARGV: verb, cost, most, owed, taken, rule, unit, p, q, capacity. Times are microseconds.
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local key, verb = KEYS[1], ARGV[1]
local cost, unit, p, q = ARGV[2] + 0, ARGV[7] + 0, ARGV[8] + 0, ARGV[9] + 0
local full = ARGV[10] * p
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
local now = floor(clock / unit)
local last, debt, dirty = now, 0, false
local value = redis.call('GET', key)
if value then
    local wrote, owes, old = string.match(value, '^(%d+):(%d+):(%d+)$')
    if wrote then
        last, debt = wrote + 0, owes + 0
        if old + 0 ~= p then debt = ceil(debt / old * p) end
    end
    local longest = ceil(full / q)
    if last - now > longest then
        last, dirty = now, true
    end
    if now > last then
        debt = max(0, debt - min(now - last, longest) * q)
        last = now
    end
end
local due = min(ARGV[4] + 0, floor(max(0, full - debt) / p))
if due > 0 then
    debt, dirty = debt + due * p, true
end
local granted, wait = 0, 0
if verb == 'give' then
    granted = cost
    if value then
        debt, dirty = max(0, debt - cost * p), true
    end
elseif cost > 0 then
    local over = debt + cost * p - full
    if over > 0 then
        wait = (last + ceil(over / q)) * unit - clock
    else
        granted = cost
        if verb == 'take' then
            granted = min(ARGV[3] + 0, floor((full - debt) / p))
            debt, dirty = debt + granted * p, true
        end
    end
end
local reset = 0
if debt > 0 then reset = (last + ceil(debt / q)) * unit - clock end
if dirty and verb ~= 'peek' then
    if reset > 0 then
        local life = reset
        local state = string.format('%.0f:%.0f:%.0f', last, debt, p)
        redis.call('SET', key, state, 'PX', string.format('%.0f', max(1, ceil(life / 1000))))
    else
        redis.call('DEL', key)
    end
end
return { granted, wait == 0 and 1 or 0, clock, wait, floor(max(0, full - debt) / p), reset }
