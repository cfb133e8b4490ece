-- Fixed window of length p, counted from the Unix epoch. The value is "window:used:p".
rules.f = {
    open = function(l)
        l.window, l.used = floor(l.now / l.p), 0
        local window, used, length = match(l.value, '^(%d+):(%d+):(%d+)$')
        window = tonumber(window)
        -- A clock that went back keeps the newer window, if it is the next one.
        if tonumber(length) == l.p and (window == l.window or window == l.window + 1) then
            l.window, l.used = window, tonumber(used)
        end
    end,
    wait = function(l, n)
        if l.used + n <= l.cap then return 0 end
        return (l.window + 1) * l.p - l.now
    end,
    left = function(l) return max(0, l.cap - l.used) end,
    reset = function(l)
        if l.used == 0 then return 0 end
        return (l.window + 1) * l.p - l.now
    end,
    take = function(l, n) l.used = l.used + n end,
    give = function(l, n, taken)
        if taken == 0 or floor(taken / l.p) == l.window then l.used = max(0, l.used - n) end
    end,
    state = function(l) return format('%.0f:%.0f:%.0f', l.window, l.used, l.p) end,
}
