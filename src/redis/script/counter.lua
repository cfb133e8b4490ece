-- Sliding window of two counters, each of length p. The value is "window:previous:current:p".
rules.c = {
    open = function(l)
        l.window, l.prev, l.cur = floor(l.now / l.p), 0, 0
        local window, prev, cur, length = match(l.value, '^(%d+):(%d+):(%d+):(%d+)$')
        window = tonumber(window)
        if tonumber(length) == l.p then
            if window == l.window or window == l.window + 1 then
                l.window, l.prev, l.cur = window, tonumber(prev), tonumber(cur)
            elseif window == l.window - 1 then
                l.prev = tonumber(cur)
            end
        end
        -- A window that lies ahead, because the clock went back, is entered at its start.
        l.ahead = max(0, l.window * l.p - l.now)
        l.left_of_it = l.p - max(0, l.now - l.window * l.p)
    end,
    wait = function(l, n)
        local p, rest = l.p, l.left_of_it
        if l.prev * rest + (l.cur + n) * p <= l.cap * p then return 0 end
        if l.cur + n <= l.cap then
            return l.ahead + max(0, rest - floor((l.cap - l.cur - n) * p / l.prev))
        end
        return l.ahead + rest + max(0, p - floor((l.cap - n) * p / l.cur))
    end,
    left = function(l) return floor(max(0, l.cap * l.p - l.prev * l.left_of_it - l.cur * l.p) / l.p) end,
    reset = function(l)
        if l.cur > 0 then return l.ahead + l.left_of_it + l.p end
        if l.prev > 0 then return l.ahead + l.left_of_it end
        return 0
    end,
    take = function(l, n) l.cur = l.cur + n end,
    give = function(l, n, taken)
        if taken == 0 or floor(taken / l.p) == l.window then l.cur = max(0, l.cur - n) end
    end,
    state = function(l) return format('%.0f:%.0f:%.0f:%.0f', l.window, l.prev, l.cur, l.p) end,
}
