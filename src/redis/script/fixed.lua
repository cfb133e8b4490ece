-- Fixed window of length p, counted from the Unix epoch. Kept are the window, what was taken in it, and p.
--: fields
window, used
--: open
L.window, L.used = floor(L.now / L.p), 0
if L.value and byte(L.value) == 102 then
    local _, window, used, p = read('<Bddd', L.value)
    -- A clock that went back keeps the newer window, if it is the next one.
    if p == L.p and (window == L.window or window == L.window + 1) then
        L.window, L.used = window, used
    elseif p == L.p and window < L.window then
        -- Each window that has passed has paid its limit of what is owed.
        L.used = max(0, used - L.cap * (L.window - window))
    end
end
--: wait
local over = L.used + cost - L.cap
if over > 0 then L.wait = (L.window + ceil(over / L.cap)) * L.p - L.now end
--: left
max(0, L.cap - L.used)
--: take
L.used = L.used + n
--: give
if taken == 0 or floor(floor(taken / L.unit) / L.p) == L.window then L.used = max(0, L.used - n) end
--: reset
L.used > 0 and (L.window + ceil(L.used / L.cap)) * L.p - L.now or 0
--: state
write('<Bddd', 102, L.window, L.used, L.p)
