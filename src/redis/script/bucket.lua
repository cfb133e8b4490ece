-- Token bucket. A permit costs p ticks, a unit of time is q ticks. The value is "last:debt:p".
rules.b = {
    open = function(l)
        l.full = l.cap * l.p
        local longest = ceil(l.full / l.q)
        local last, debt, cost = match(l.value, '^(%d+):(%d+):(%d+)$')
        l.last, l.debt = tonumber(last) or l.now, tonumber(debt) or 0
        cost = tonumber(cost) or l.p
        -- Another quota than the one that wrote it: what was used stays used.
        if cost ~= l.p then l.debt = ceil(l.debt / cost * l.p) end
        -- A server clock that was set back blocks nobody for longer than it takes to fill twice.
        if l.last - l.now > longest then
            l.last = l.now
            l.dirty = true
        end
        if l.now > l.last then
            l.debt = max(0, l.debt - min(l.now - l.last, longest) * l.q)
            l.last = l.now
        end
    end,
    wait = function(l, n)
        local over = l.debt + n * l.p - l.full
        if over <= 0 then return 0 end
        return l.last - l.now + ceil(over / l.q)
    end,
    left = function(l) return floor(max(0, l.full - l.debt) / l.p) end,
    reset = function(l)
        if l.debt == 0 then return 0 end
        return l.last - l.now + ceil(l.debt / l.q)
    end,
    take = function(l, n) l.debt = l.debt + n * l.p end,
    give = function(l, n) l.debt = max(0, l.debt - n * l.p) end,
    state = function(l) return format('%.0f:%.0f:%.0f', l.last, l.debt, l.p) end,
}
