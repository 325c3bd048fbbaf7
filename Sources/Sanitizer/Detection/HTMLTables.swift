/// Tables of HTML with a column of secrets, and AsciiDoc's.
extension DetectionPass {
    /// The name in `range` stands in a cell of a heading: `<tr><th>User</th><th>Password</th></tr>`.
    func htmlTable(_ range: Range<Int>) {
        let floor = max(0, range.lowerBound - 1500)
        guard let row = lastTag("tr", in: floor..<range.lowerBound),
            let rowEnd = text.find("</tr", in: range.upperBound..<min(text.count, range.upperBound + 1500))
        else { return }
        let column = cells(row..<range.lowerBound).count - 1
        guard column >= 0, cells(row..<rowEnd).count > 1 else { return }
        let name = weigh(range)
        guard name.level > .none else { return }
        var position = rowEnd
        for _ in 0..<300 {
            guard let next = text.find("<tr", in: position..<min(text.count, position + 400)),
                let end = text.find("</tr", in: next..<min(text.count, next + 4000))
            else { return }
            position = end
            let starts = cells(next..<end)
            guard starts.count > column else { continue }
            cell(from: starts[column], end, name, range)
        }
    }

    /// The last tag of that name in some bytes.
    private func lastTag(_ tag: StaticString, in range: Range<Int>) -> Int? {
        var index = range.upperBound - 1
        while index >= range.lowerBound {
            if text[index] == 60, text.has(tag, at: index + 1) { return index }
            if text[index] == 60, text[index + 1] == 47, text.has(tag, at: index + 2) { return nil }
            index -= 1
        }
        return nil
    }

    /// Where the cells' contents begin.
    private func cells(_ range: Range<Int>) -> [Int] {
        var result: [Int] = []
        var index = range.lowerBound
        while index < range.upperBound {
            if text[index] == 60, text.has("td", at: index + 1) || text.has("th", at: index + 1),
                !text[index + 3].isWord, let close = text.first(62, in: index..<min(range.upperBound, index + 200))
            {
                result.append(close + 1)
                index = close
            }
            index += 1
        }
        return result
    }

    private func cell(from start: Int, _ end: Int, _ name: KeyName, _ nameRange: Range<Int>) {
        var first = text.skipSpace(start)
        for _ in 0..<3 where text[first] == 60 && text[first + 1] != 47 {
            guard let close = text.first(62, in: first..<end) else { return }
            first = text.skipSpace(close + 1)
        }
        var last = first
        while last < end, text[last] != 60 { last += 1 }
        while last > first, text[last - 1].isSpace { last -= 1 }
        guard last > first else { return }
        let value = FoundValue(range: first..<last, quote: 34, end: last)
        let profile = ByteProfile(text, value.range)
        let fits =
            name.kind == .password && name.level == .strong
            ? looksTyped(value.range, besideAccount: true)
                || (profile.digits > 0 && profile.letters > 2 && profile.symbols == 0)
            : judge.isToken(text, value.range, profile, allowHex: true)
        if fits, judge.isSecret(text, value, name: name, isCode: false, nameRange: nameRange) {
            add(Self.ruleID(name), value.range)
        }
    }
}
