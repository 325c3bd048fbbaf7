/// Settings in SQL's tables of names and values, where the name of the secret is itself a value:
/// `UPDATE settings SET value = 'x' WHERE name = 'api_key'`, `INSERT INTO settings (value, name) VALUES ('x', 'api_key')`.
extension DetectionPass {
    /// What columns of values are called, alone or after another word: `option_value`.
    private static let valueColumns: [StaticString] = [
        "value", "val", "content", "contents", "data", "setting", "secret",
    ]

    /// What columns of names are called, alone or after another word: `option_name`.
    private static let nameColumns: [StaticString] = ["name", "key", "option", "setting", "param", "variable", "code"]

    private func isColumn(_ range: Range<Int>, _ words: [StaticString]) -> Bool {
        words.contains { word in
            let start = range.upperBound - word.utf8CodeUnitCount
            return start >= range.lowerBound && text.has(word, at: start)
                && (start == range.lowerBound || text[start - 1] == 95 || text[start].isUpper)
        }
    }

    /// The column at `key` is compared with the name of a secret: `… SET value = 'x' WHERE key = 'name'`.
    ///
    /// - Returns: whether the statement sets a value.
    func updatedValue(_ key: Range<Int>, _ name: KeyName, _ nameRange: Range<Int>) -> Bool {
        let floor = max(0, key.lowerBound - 800)
        var before = key.lowerBound
        while before > floor, text[before - 1].isOne(of: " `\"([.") || text[before - 1].isWord && text[before] == 46 {
            before -= 1
        }
        while before > floor, text[before - 1].isSpace { before -= 1 }
        guard text.has("where", at: before - 5) || text.has("and", at: before - 3) else { return false }
        var start = before
        while start > floor, !(text[start] | 32 == 117 && text.has("update ", at: start) && !text[start - 1].isWord) {
            if text[start] == 59, text[start + 1].isSpace || text[start + 1] == 92 { return false }
            start -= 1
        }
        guard text.has("update ", at: start), let set = text.find(" set ", in: start..<before) else { return false }
        var index = set + 5
        while index < before {
            guard text[index].isWord else {
                if text.quoteDepth(at: index) != nil, text[index] != 96, let string = text.readValue(at: index) {
                    index = max(string.end, index + 1)
                } else {
                    index += 1
                }
                continue
            }
            let first = index
            while text[index].isWord { index += 1 }
            let column = first..<index
            if text[index].isOne(of: "`\"]") { index += 1 }
            let equals = text.skipBlanks(index)
            guard text[equals] == 61, case let from = text.skipBlanks(equals + 1), text.quoteDepth(at: from) != nil,
                let value = text.readValue(at: from), value.isQuoted
            else { continue }
            index = max(value.end, index)
            guard isColumn(column, Self.valueColumns), value.range.upperBound < before,
                judge.isSecret(text, value, name: name, isCode: false, nameRange: nameRange)
            else { continue }
            add(Self.ruleID(name), value.range)
        }
        return true
    }

    /// Rows of values under the columns of `open..<close`, one of names and one of values; they begin at `position`.
    func settingRows(_ open: Int, _ close: Int, from position: Int) {
        var columns: [Range<Int>] = []
        var column = open + 1
        for index in open + 1...close where text[index] == 44 || index == close {
            var first = column
            var last = index
            while first < last, !text[first].isWord { first += 1 }
            while last > first, !text[last - 1].isWord { last -= 1 }
            columns.append(first..<last)
            column = index + 1
        }
        guard columns.count <= 12, let names = columns.firstIndex(where: { isColumn($0, Self.nameColumns) }),
            let values = columns.firstIndex(where: { isColumn($0, Self.valueColumns) }), names != values
        else { return }
        var row = position
        for _ in 0..<10_000 {
            guard text[row] == 40, let (cells, end) = rowCells(row) else { return }
            if cells.count > max(names, values), let key = cells[names], let value = cells[values],
                key.range.count <= 96, case let name = readName(key.range), name.level > .none,
                judge.isSecret(text, value, name: name, isCode: false, nameRange: key.range)
            {
                add(Self.ruleID(name), value.range)
            }
            row = text.skipSpace(end)
            guard text[row] == 44 else { return }
            row = text.skipSpace(row + 1)
        }
    }

    /// The strings among the values of a row that begins with a parenthesis, nil for what is no string, and where the row ends.
    private func rowCells(_ open: Int) -> (cells: [FoundValue?], end: Int)? {
        var cells: [FoundValue?] = [nil]
        var index = open + 1
        var depth = 0
        let limit = min(text.count, open + 20_000)
        while index < limit {
            let byte = text[index]
            if text.quoteDepth(at: index) != nil, let string = text.readValue(at: index), string.isQuoted {
                if depth == 0 { cells[cells.count - 1] = string }
                index = max(string.end, index + 1)
                continue
            }
            if byte == 41, depth == 0 { return (cells, index + 1) }
            if byte == 40 { depth += 1 } else if byte == 41 { depth -= 1 }
            if byte == 44, depth == 0 { cells.append(nil) }
            index += 1
        }
        return nil
    }
}
