/// Sets JSON members that change by themselves to a fixed value, and leaves every other byte as it is.
enum VolatileJSON {
    /// The text with the members at the given key paths (`*` for one step) set to null, or to 0; nil when it is not JSON.
    static func normalised(_ text: [UInt8], null: [[String]], zero: [[String]]) -> [UInt8]? {
        var edits: [(range: Range<Int>, value: String)] = []
        func edit(_ path: [String], _ range: Range<Int>, isNull: Bool) {
            if null.contains(where: { matches($0, path) }) {
                if !isNull { edits.append((range, "null")) }
            } else if zero.contains(where: { matches($0, path) }) {
                edits.append((range, "0"))
            }
        }
        let isJSON = text.withUnsafeBytes { bytes in
            do {
                try JSONScanner.run(bytes) { scalar, _ in
                    edit(scalar.path, scalar.range, isNull: scalar.kind == .null)
                } onContainer: { container in
                    edit(container.path, container.range, isNull: false)
                }
                return true
            } catch { return false }
        }
        guard isJSON else { return nil }
        edits.sort { ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound) }
        var out: [UInt8] = []
        var position = 0
        // What stands within a member that is replaced as a whole goes with it.
        for edit in edits where edit.range.lowerBound >= position {
            out += text[position..<edit.range.lowerBound]
            out += edit.value.utf8
            position = edit.range.upperBound
        }
        return out + text[position...]
    }

    private static func matches(_ pattern: [String], _ path: [String]) -> Bool {
        pattern.count == path.count && zip(pattern, path).allSatisfy { $0 == "*" || $0 == $1 }
    }
}
