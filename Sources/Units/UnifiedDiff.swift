/// A unified diff of two texts, as `diff -u` prints it.
enum UnifiedDiff {
    private struct Line {
        var sign: Character
        var text: Substring
    }

    /// An empty string if the texts are equal. A missing text is nil: its side is called /dev/null.
    static func text(old: String?, new: String?, oldName: String, newName: String, context: Int = 3) -> String {
        guard old != new else { return "" }
        let lines = merged(Self.lines(old ?? ""), Self.lines(new ?? ""))
        var out = "--- \(old == nil ? "/dev/null" : oldName)\n+++ \(new == nil ? "/dev/null" : newName)\n"
        let changed = lines.indices.filter { lines[$0].sign != " " }
        var position = 0
        while position < changed.count {
            // A hunk takes in every change that is near enough for their contexts to touch.
            var last = position
            while last + 1 < changed.count, changed[last + 1] - changed[last] <= 2 * context { last += 1 }
            let range = max(0, changed[position] - context)..<min(lines.count, changed[last] + context + 1)
            out += hunk(lines, range)
            position = last + 1
        }
        return out
    }

    private static func lines(_ text: String) -> [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private static func merged(_ old: [Substring], _ new: [Substring]) -> [Line] {
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in new.difference(from: old) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var out: [Line] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left < old.count, removed.contains(left) {
                out.append(Line(sign: "-", text: old[left]))
                left += 1
            } else if right < new.count, inserted.contains(right) {
                out.append(Line(sign: "+", text: new[right]))
                right += 1
            } else {
                out.append(Line(sign: " ", text: old[left]))
                left += 1
                right += 1
            }
        }
        return out
    }

    private static func hunk(_ lines: [Line], _ range: Range<Int>) -> String {
        func span(_ side: Character) -> String {
            let before = lines[..<range.lowerBound].count { $0.sign == " " || $0.sign == side }
            let count = lines[range].count { $0.sign == " " || $0.sign == side }
            // An empty side is numbered by the line before it.
            let start = count == 0 ? before : before + 1
            return count == 1 ? "\(start)" : "\(start),\(count)"
        }
        var out = "@@ -\(span("-")) +\(span("+")) @@\n"
        for line in lines[range] { out += "\(line.sign)\(line.text)\n" }
        return out
    }
}
