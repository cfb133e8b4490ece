-- Log of what was taken in the last p. Kept are all permits that count, then a time and a number for each time, oldest first.
--: fields
log, used, at
--: open
L.log, L.used, L.at = '', 0, L.now
if L.value and byte(L.value) == 108 then
    local newest = read('<d', L.value, #L.value - 15)
    -- A clock that was set back by more than the window starts anew.
    if newest - L.now <= L.p then
        L.at = max(L.now, newest)
        local _, used, from = read('<Bd', L.value)
        local at, n = read('<dd', L.value, from)
        while at and at + L.p <= L.at do
            used, from = used - n, from + 16
            at, n = nil, 0
            if from < #L.value then at, n = read('<dd', L.value, from) end
        end
        L.log, L.used = sub(L.value, from), used
    end
end
--: wait
local over, from, at, n = L.used + cost - L.cap, 1, 0, 0
while over > 0 do
    at, n = read('<dd', L.log, from)
    over, from = over - n, from + 16
    L.wait = at + L.p - L.now
end
--: left
max(0, L.cap - L.used)
--: take
local newest, held, whole = 0, 0, L.log
if L.log ~= '' then newest, held = read('<dd', L.log, #L.log - 15) end
if newest == L.at then whole = sub(L.log, 1, -17) else held = 0 end
L.log, L.used = whole .. write('<dd', L.at, held + n), L.used + n
--: give
-- An operator's from the newest backwards; one call's from the entry in which it stands.
local at, from, step = floor(taken / L.unit), 1, 16
if taken == 0 then from, step = #L.log - 15, -16 end
while n > 0 and from > 0 and from < #L.log do
    local entered, held = read('<dd', L.log, from)
    if entered >= at then
        local gone = min(n, held)
        local kept = held > gone and write('<dd', entered, held - gone) or ''
        L.log, L.used = sub(L.log, 1, from - 1) .. kept .. sub(L.log, from + 16), L.used - gone
        n = taken == 0 and n - gone or 0
    end
    from = from + step
end
--: reset
L.used > 0 and read('<d', L.log, #L.log - 15) + L.p - L.now or 0
--: state
write('<Bd', 108, L.used) .. L.log
