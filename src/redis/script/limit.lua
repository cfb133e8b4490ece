-- What is done with each limit, whatever its rule.
--: fields
unit, p, q, cap, now, value, wait, dirty, reset
--: open
L.unit, L.p, L.q, L.cap = read('<dddd', ARGV[1 + I])
L.now, L.wait = floor(clock / L.unit), 0
L.value = call('GET', KEYS[I])
--: pay
-- What was admitted elsewhere while this store was away, as far as there is anything to pay with.
do
    local n = min(owed, LEFT)
    if n > 0 then
        TAKE
        L.dirty = true
    end
end
--: wait
do
    WAIT
end
--: least
granted = min(granted, LEFT)
--: take
do
    local n = granted
    TAKE
    L.dirty = true
end
--: give
if L.value then
    local n = cost
    GIVE
    L.dirty = true
end
--: told
if L.wait > 0 then L.wait = (L.now + L.wait) * L.unit - clock end
L.reset = RESET
if L.reset > 0 then L.reset = (L.now + L.reset) * L.unit - clock end
--: save
if L.dirty and L.reset > 0 then
    call('SET', KEYS[I], STATE, 'PX', min(ceil(L.reset / 1000), 3155760000000))
elseif L.dirty then
    call('DEL', KEYS[I])
end
