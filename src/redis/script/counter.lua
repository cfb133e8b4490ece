-- Sliding window of two counters, each of length p. Kept are the window, what was taken in the one before and in it, and p.
--: fields
window, prev, cur, rest, ahead
--: open
L.window, L.prev, L.cur = floor(L.now / L.p), 0, 0
if L.value and byte(L.value) == 99 then
    local _, window, prev, cur, p = read('<Bdddd', L.value)
    if p == L.p and (window == L.window or window == L.window + 1) then
        L.window, L.prev, L.cur = window, prev, cur
    elseif p == L.p and window == L.window - 1 then
        L.prev = cur
    end
end
-- A window that lies ahead, because the clock went back, is entered at its start.
L.ahead = max(0, L.window * L.p - L.now)
L.rest = L.p - max(0, L.now - L.window * L.p)
--: wait
if L.prev * L.rest + (L.cur + cost) * L.p > L.cap * L.p then
    if L.cur + cost <= L.cap then
        L.wait = L.ahead + max(0, L.rest - floor((L.cap - L.cur - cost) * L.p / L.prev))
    else
        L.wait = L.ahead + L.rest + max(0, L.p - floor((L.cap - cost) * L.p / L.cur))
    end
end
--: left
floor(max(0, L.cap * L.p - L.prev * L.rest - L.cur * L.p) / L.p)
--: take
L.cur = L.cur + n
--: give
if taken == 0 or floor(floor(taken / L.unit) / L.p) == L.window then L.cur = max(0, L.cur - n) end
--: reset
L.cur > 0 and L.ahead + L.rest + L.p or L.prev > 0 and L.ahead + L.rest or 0
--: state
write('<Bdddd', 99, L.window, L.prev, L.cur, L.p)
