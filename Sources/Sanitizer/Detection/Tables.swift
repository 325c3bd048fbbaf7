/// Tables with a column of secrets: CSV, TSV, semicolons, Markdown.
extension DetectionPass {
    /// The name in `range` may be a column's heading.
    func tableHit(_ range: Range<Int>) {
        // A name inside a table that was read is a cell.
        guard !syntax.isCode, range.lowerBound >= tableEnd, range.lowerBound >= untabledEnd, standsInCell(range) else {
            return
        }
        var lineStart = text.lineStart(before: range.lowerBound, limit: 2000)
        // Inside a string of JSON the heading begins with the string: `"content": "| a | password |\n…`.
        var quote = range.lowerBound - 1
        while quote > lineStart {
            if text[quote] == 34 {
                var colon = quote - 1
                while text[colon].isBlank || text[colon] == 92 { colon -= 1 }
                if text[colon] == 58 {
                    lineStart = quote + 1
                    break
                }
            }
            quote -= 1
        }
        let lineEnd = text.lineEnd(from: range.upperBound, limit: 2000)
        // A line without an end in sight heads no table.
        guard lineEnd - range.upperBound < 2000, let delimiter = delimiter(of: lineStart..<lineEnd) else {
            untabledEnd = lineEnd
            return
        }
        let headings = cells(of: lineStart..<lineEnd, delimiter)
        guard (2...64).contains(headings.count), headings.count(where: { !$0.isEmpty }) >= 2,
            isHeadingLine(headings, delimiter)
        else {
            untabledEnd = lineEnd
            return
        }
        guard !hasRowBefore(lineStart, headings.count, delimiter),
            let column = headings.firstIndex(where: { $0.contains(range.lowerBound) })
        else { return }
        let heading = headings[column]
        // The name must be the heading's end or most of it.
        guard heading.upperBound - range.upperBound <= 16, heading.count <= range.count + 24 else { return }
        var name = weigh(range)
        guard name.level > .none else { return }
        if name.level == .weak, heading.count > range.count { name = readName(heading) }
        if name.kind == .key, name.level == .weak,
            headings.contains(where: {
                text.find("ssid", in: $0) != nil || text.find("wlan", in: $0) != nil
                    || text.find("wi-fi", in: $0) != nil || text.find("wifi", in: $0) != nil
            })
        {
            name = KeyName(kind: .password, level: .strong)
        }
        let isPair = delimiter == 44 && headings.count == 2 && syntax != .table
        var line = lineEnd
        var read = lineEnd
        while line < text.count {
            let start = text.nextLine(after: line)
            let end = rowEnd(from: start, delimiter)
            if end == start, delimiter == 124, read == lineEnd, line == lineEnd, end < text.count {
                // AsciiDoc sets its heading apart by an empty line.
                line = end
                continue
            }
            guard end > start, end - start < 20_000 else { break }
            if delimiter == 124, (start..<end).allSatisfy({ text[$0].isOne(of: " +-:|") }) {
                // The line under the heading, as Markdown and org-mode draw it.
                line = end
                continue
            }
            let row = cells(of: start..<end, delimiter)
            // A comma in prose makes no table, nor a tab in code: rows have as many cells as the heading. Empty ones at the end may
            // be left out, and a bar may stand within a cell.
            let isShort = delimiter != 44 && delimiter != 124 && row.count < headings.count && row.count >= 2
            let isLong = delimiter == 124 && row.count > headings.count && text[text.skipBlanks(start)] == 124
            guard row.count == headings.count || ((isShort || isLong) && row.count > column) else { break }
            read = end
            line = end
            let cell = row[column]
            guard !cell.isEmpty else { continue }
            let value = FoundValue(range: cell, end: cell.upperBound)
            // Two words and a comma are a table only with values that are no words.
            if isPair, case let profile = ByteProfile(text, cell), profile.digits == 0, judge.isWordPath(text, cell),
                !profile.looksRandom
            {
                continue
            }
            if judge.isSecret(text, value, name: name, isCode: false, nameRange: range) { add(Self.ruleID(name), cell) }
        }
        // Later columns of this heading are still to be read; a heading without rows is none.
        if read > lineEnd { pendingTable = (lineEnd, read) } else { untabledEnd = lineEnd }
    }

    /// Columns that blanks set apart, two at least, as programs print them: `HOST      USER    PASS`.
    func alignedTable(_ range: Range<Int>) {
        guard !syntax.isCode,
            text[range.lowerBound - 1] == 32 && text[range.lowerBound - 2] == 32
        else { return }
        let lineStart = text.lineStart(before: range.lowerBound, limit: 300)
        let lineEnd = text.lineEnd(from: range.upperBound, limit: 300)
        let headings = columns(lineStart..<lineEnd)
        guard (2...12).contains(headings.count), isHeadingLine(headings, 32), headings.allSatisfy({ $0.count <= 24 }),
            let column = headings.firstIndex(where: {
                $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound
            }),
            headings[column].count <= range.count + 8
        else { return }
        let name = weigh(range)
        guard name.level >= .medium else { return }
        var line = lineEnd
        for _ in 0..<500 {
            let start = text.nextLine(after: line)
            let end = text.lineEnd(from: start, limit: 400)
            guard start < end else { return }
            line = end
            if (start..<end).allSatisfy({ text[$0].isOne(of: " +-=") }) { continue }
            let row = columns(start..<end)
            // One cell more or less: blanks stand within cells, and cells are empty.
            guard row.count > column, row.count >= 2, abs(row.count - headings.count) <= 1 else { return }
            let cell = row[column]
            let value = FoundValue(range: cell, end: cell.upperBound)
            let profile = ByteProfile(text, cell)
            if profile.digits + profile.symbols > 0 || profile.looksRandom,
                judge.isSecret(text, value, name: name, isCode: false, nameRange: range)
            {
                add(Self.ruleID(name), cell)
            }
        }
    }

    /// The parts of a line between two blanks or more.
    private func columns(_ line: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var index = line.lowerBound
        while index < line.upperBound {
            while index < line.upperBound, text[index].isBlank { index += 1 }
            let start = index
            while index < line.upperBound, !(text[index] == 9 || (text[index] == 32 && text[index + 1] == 32)) {
                index += 1
            }
            var end = index
            while end > start, text[end - 1].isBlank { end -= 1 }
            if end > start { result.append(start..<end) }
        }
        return result
    }

    /// Whether the line before is a row of as many cells, so that this one is a row too. A comma may stand in a line of prose above.
    private func hasRowBefore(_ lineStart: Int, _ cellCount: Int, _ delimiter: UInt8) -> Bool {
        guard delimiter == 124 || delimiter == 9, lineStart > 1, text[lineStart - 1] == 10 || text[lineStart - 1] == 110
        else { return false }
        let end = text[lineStart - 1] == 10 ? lineStart - 1 : lineStart - 2
        var line = text.lineStart(before: end, limit: 600)..<end
        // The line under a heading: the row before it is the heading.
        if delimiter == 124, line.lowerBound > 1, text[line.lowerBound - 1] == 10, text.first(45, in: line) != nil,
            line.allSatisfy({ text[$0].isOne(of: " -:|") })
        {
            line = text.lineStart(before: line.lowerBound - 1, limit: 600)..<line.lowerBound - 1
        }
        guard text.first(delimiter, in: line) != nil, line.contains(where: { text[$0].isLetter }) else { return false }
        return cells(of: line, delimiter).count == cellCount
    }

    /// The end of the row that begins at `start`: of its line, or of a later one where a cell in quotes holds line breaks (RFC 4180,
    /// section 2.6).
    private func rowEnd(from start: Int, _ delimiter: UInt8) -> Int {
        let line = text.lineEnd(from: start, limit: 20_000)
        guard delimiter != 124 else { return line }
        func quotes(_ range: Range<Int>) -> Int { range.count { text[$0] == 34 } }
        var end = line
        var open = quotes(start..<line) % 2 == 1
        while open, text[end] == 10 || text[end] == 13, end < text.count, end - start < 20_000 {
            let next = text.nextLine(after: end)
            end = text.lineEnd(from: next, limit: 20_000)
            if quotes(next..<end) % 2 == 1 { open = false }
        }
        return open ? line : end
    }

    private func isHeadingLine(_ headings: [Range<Int>], _ delimiter: UInt8) -> Bool {
        for (place, heading) in headings.enumerated() {
            guard heading.count <= 48, !text.has("#define", at: heading.lowerBound) else { return false }
            // Two tabs in a row indent or align.
            if heading.isEmpty, delimiter == 9, place > 0 { return false }
            var open = 0
            for index in heading {
                let byte = text[index]
                let before = index > heading.lowerBound ? text[index - 1] : 0
                switch byte {
                case 61, 123, 58, 60: return false
                // Statements, comments, pointers and strings of code.
                case 59: if delimiter != 59 || !before.isWord { return false }
                case 42: if before == 47 || (before.isWord && text[index + 1] != 42) { return false }
                case 47: if before == 47 { return false }
                case 34: return false
                case 39: if !before.isLetter { return false }
                case 40:
                    // A call is no heading.
                    if before.isWord { return false }
                    open += 1
                case 41:
                    open -= 1
                    if open < 0 { return false }
                default: break
                }
            }
            // Nor is a sentence.
            if open != 0 || (!heading.isEmpty && text[heading.upperBound - 1] == 46) { return false }
        }
        return true
    }

    /// Whether a delimiter or the line's end stands on both sides of the name, over one other word, blanks and quotes.
    private func standsInCell(_ range: Range<Int>) -> Bool {
        func isEdge(_ byte: UInt8) -> Bool {
            byte == 44 || byte == 59 || byte == 9 || byte == 124 || byte == 10 || byte == 13 || byte == 0
        }
        var before = range.lowerBound - 1
        var blanks = 0
        while before >= 0, range.lowerBound - before < 28 {
            let byte = text[before]
            if isEdge(byte) || (byte == 110 && text[before - 1] == 92) { break }
            if byte == 32 {
                if text[before - 1] != 32, !isEdge(text[before - 1]) { blanks += 1 }
            } else if !(byte.isWord || byte.isQuote || byte == 42 || byte == 92 || byte == 45) {
                return false
            }
            if blanks > 2 { return false }
            before -= 1
        }
        guard range.lowerBound - before < 28 else { return false }
        var after = range.upperBound
        while after - range.upperBound < 18 {
            let byte = text[after]
            if isEdge(byte) || text.isLineEscape(at: after) { return true }
            guard byte == 32 || byte.isWord || byte.isQuote || byte == 42 || byte == 92 || byte == 40 || byte == 41
            else { return false }
            after += 1
        }
        return false
    }

    private func delimiter(of line: Range<Int>) -> UInt8? {
        var counts: (comma: Int, semicolon: Int, tab: Int, bar: Int) = (0, 0, 0, 0)
        for index in line {
            switch text[index] {
            case 44: counts.comma += 1
            case 59: counts.semicolon += 1
            case 9: counts.tab += 1
            case 124: counts.bar += 1
            default: break
            }
        }
        if counts.bar > 0 { return 124 }
        if counts.tab > 0 { return 9 }
        if counts.semicolon > counts.comma { return 59 }
        return counts.comma > 0 ? 44 : nil
    }

    /// The cells of a line, without blanks, quotes and emphasis around them.
    private func cells(of line: Range<Int>, _ delimiter: UInt8) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = line.lowerBound
        var index = start
        var isQuoted = false
        func close(_ end: Int) {
            var first = start
            var last = end
            // An asterisk at the end is a password's unless one stands at the front.
            var isBold = false
            func isPadding(_ byte: UInt8) -> Bool {
                byte.isBlank || byte.isQuote || byte == 92 || (delimiter == 124 && byte == 42 && isBold)
            }
            while first < last, text[first].isBlank { first += 1 }
            isBold = text[first] == 42 || !(first..<last).contains { text[$0].isDigit }
            while first < last, isPadding(text[first]) { first += 1 }
            while last > first, isPadding(text[last - 1]) { last -= 1 }
            result.append(first..<last)
        }
        while index < line.upperBound {
            let byte = text[index]
            if byte == 34, delimiter != 124 { isQuoted.toggle() }
            if byte == delimiter, !isQuoted {
                close(index)
                start = index + 1
            }
            index += 1
        }
        close(line.upperBound)
        if delimiter == 124 {
            // `| a | b |` has empty cells at both ends.
            if let first = result.first, first.isEmpty { result.removeFirst() }
            if let last = result.last, last.isEmpty { result.removeLast() }
        }
        return result
    }
}
