-- Token bucket: a permit costs p ticks, a unit of time is q ticks. Kept are a time, the debt at that time, and p.
--: fields
full, last, debt
--: open
L.full, L.last, L.debt = L.cap * L.p, L.now, 0
if L.value and byte(L.value) == 98 then
    local _, last, debt, p = read('<Bddd', L.value)
    -- Another quota than the one that wrote it: what was used stays used.
    if p ~= L.p then debt = ceil(debt / p * L.p) end
    L.debt = debt
    if last <= L.now then
        L.debt = max(0, debt - (L.now - last) * L.q)
    elseif last - L.now <= ceil(L.full / L.q) then
        L.last = last
    else
        -- A server's clock that was set back blocks nobody for longer than it takes to fill twice.
        L.dirty = true
    end
end
--: wait
local over = L.debt + cost * L.p - L.full
if over > 0 then L.wait = L.last - L.now + ceil(over / L.q) end
--: left
floor(max(0, L.full - L.debt) / L.p)
--: take
L.debt = min(L.debt + n * L.p, 9007199254740992) -- no deeper than numbers are exact
--: give
L.debt = max(0, L.debt - n * L.p)
--: reset
L.debt > 0 and L.last - L.now + ceil(L.debt / L.q) or 0
--: state
write('<Bddd', 98, L.last, L.debt, L.p)
