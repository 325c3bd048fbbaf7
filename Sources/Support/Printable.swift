/// Bytes as text that is safe on a terminal, in a log line and in JSON: valid UTF-8 stays, control characters, bidirectional
/// overrides and broken bytes become `\n`, `\t`, `\xNN` or `\u{N}`, a backslash is doubled. `limit` counts characters; what is
/// over it is cut and marked with `…`.
public func printable(_ bytes: some Sequence<UInt8>, limit: Int = 4096) -> String {
    escaped(bytes, limit: limit, doublingBackslashes: true)
}

/// ``printable(_:limit:)`` of a string's UTF-8.
public func printable(_ text: some StringProtocol, limit: Int = 4096) -> String {
    printable(Array(text.utf8), limit: limit)
}

/// A text whose names from outside were made printable when it was put together: as safe as ``printable(_:limit:)`` makes it, but what
/// is escaped in it already stays as it is.
public func printableLine(_ text: some StringProtocol, limit: Int = 4096) -> String {
    escaped(Array(text.utf8), limit: limit, doublingBackslashes: false)
}

/// A text of at most that many characters: what is over the limit is left out of its middle, marked with `…`, so that a path still shows
/// where it begins and what it names.
public func shortened(_ text: String, to limit: Int) -> String {
    let count = text.count
    guard count > limit, limit >= 3 else { return text }
    let head = (limit - 1) / 3
    return text.prefix(head) + "…" + text.suffix(limit - 1 - head)
}

private func escaped(_ bytes: some Sequence<UInt8>, limit: Int, doublingBackslashes: Bool) -> String {
    var out = ""
    var count = 0
    var iterator = Array(bytes).makeIterator()
    var pending: [UInt8] = []
    func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
    func append(_ piece: String) -> Bool {
        guard count < limit else {
            out += "…"
            return false
        }
        out += piece
        count += 1
        return true
    }
    // Decode by hand, so that each broken byte is shown as itself.
    while let first = iterator.next() ?? nil {
        pending = [first]
        let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0
        var probe = iterator
        while pending.count < length, let next = probe.next() { pending.append(next) }
        if length > 0, pending.count == length, let text = String(validating: pending, as: UTF8.self),
            let scalar = text.unicodeScalars.first
        {
            iterator = probe
            let piece: String =
                switch scalar {
                case "\n": "\\n"
                case "\t": "\\t"
                case "\r": "\\r"
                case "\\": doublingBackslashes ? "\\\\" : "\\"
                default:
                    if isSafe(scalar) { String(scalar) } else { "\\u{\(String(scalar.value, radix: 16))}" }
                }
            guard append(piece) else { return out }
        } else {
            let hex = String(first, radix: 16)
            guard append("\\x" + (hex.count < 2 ? "0" + hex : hex)) else { return out }
        }
    }
    return out
}
