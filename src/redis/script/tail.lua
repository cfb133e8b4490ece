local verb = ARGV[1]
local cost, most, owed, taken = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local limits, fits = {}, true
for i, key in ipairs(KEYS) do
    local at = i * 5
    local l = {
        rule = rules[ARGV[at + 1]],
        unit = tonumber(ARGV[at + 2]),
        p = tonumber(ARGV[at + 3]),
        q = tonumber(ARGV[at + 4]),
        cap = tonumber(ARGV[at + 5]),
        value = redis.call('GET', key) or '',
    }
    l.now = floor(clock / l.unit)
    l.rule.open(l)
    -- What was admitted elsewhere while this store was away is paid first, as far as there is anything to pay with.
    local due = min(owed, l.rule.left(l))
    if due > 0 then
        l.rule.take(l, due)
        l.dirty = true
    end
    l.wait = 0
    if verb ~= 'give' and cost > 0 then l.wait = l.rule.wait(l, cost) end
    if l.wait > 0 then fits = false end
    limits[i] = l
end

local granted = 0
if fits then
    granted = cost
    if verb == 'take' and cost > 0 then
        granted = most
        for _, l in ipairs(limits) do granted = min(granted, l.rule.left(l)) end
    end
end

local function told(l, wait)
    if wait == 0 then return 0 end
    return (l.now + wait) * l.unit - clock
end

local reply = { granted, fits and 1 or 0, clock }
for i, l in ipairs(limits) do
    if granted > 0 and verb == 'take' then
        l.rule.take(l, granted)
        l.dirty = true
    elseif verb == 'give' and l.value ~= '' then
        l.rule.give(l, cost, floor(taken / l.unit))
        l.dirty = true
    end
    local reset = l.rule.reset(l)
    if l.dirty and verb ~= 'peek' then
        if reset > 0 then
            local life = (l.now + reset) * l.unit - clock
            redis.call('SET', KEYS[i], l.rule.state(l), 'PX', format('%.0f', max(1, ceil(life / 1000))))
        else
            redis.call('DEL', KEYS[i])
        end
    end
    reply[i * 3 + 1] = told(l, l.wait)
    reply[i * 3 + 2] = l.rule.left(l)
    reply[i * 3 + 3] = told(l, reset)
end
return reply
