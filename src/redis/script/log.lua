-- Log of what was taken in the last p. The value is "time:permits;time:permits;…", oldest first.
rules.l = {
    open = function(l)
        l.entries, l.used, l.newest = {}, 0, 0
        local seen = {}
        for at, n in string.gmatch(l.value, '(%d+):(%d+);') do
            seen[#seen + 1] = { at = tonumber(at), n = tonumber(n) }
        end
        if #seen > 0 then l.newest = seen[#seen].at end
        -- A clock that was set back by more than the window starts anew.
        if l.newest - l.now > l.p then seen, l.newest = {}, 0 end
        l.at = max(l.now, l.newest)
        for _, entry in ipairs(seen) do
            if entry.at + l.p > l.at then
                l.entries[#l.entries + 1] = entry
                l.used = l.used + entry.n
            end
        end
    end,
    wait = function(l, n)
        local over = l.used + n - l.cap
        if over <= 0 then return 0 end
        for _, entry in ipairs(l.entries) do
            over = over - entry.n
            if over <= 0 then return entry.at + l.p - l.now end
        end
        return l.p
    end,
    left = function(l) return max(0, l.cap - l.used) end,
    reset = function(l)
        if l.used == 0 then return 0 end
        return l.entries[#l.entries].at + l.p - l.now
    end,
    take = function(l, n)
        local last = l.entries[#l.entries]
        if last and last.at == l.at then
            last.n = last.n + n
        else
            l.entries[#l.entries + 1] = { at = l.at, n = n }
        end
        l.used = l.used + n
    end,
    give = function(l, n, taken)
        for i = #l.entries, 1, -1 do
            local entry = l.entries[i]
            if n > 0 and (taken == 0 or entry.at == taken) then
                local back = min(n, entry.n)
                entry.n, n, l.used = entry.n - back, n - back, l.used - back
                if entry.n == 0 then table.remove(l.entries, i) end
            end
        end
    end,
    state = function(l)
        local parts = {}
        for i, entry in ipairs(l.entries) do parts[i] = format('%.0f:%.0f;', entry.at, entry.n) end
        return table.concat(parts)
    end,
}
