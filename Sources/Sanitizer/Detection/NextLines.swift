/// Values that stand on lines of their own, below their name.
extension DetectionPass {
    /// The value of `name:` that stands on the next line, or the items of a list under it.
    func nextLines(_ range: Range<Int>, _ name: KeyName, after lineEnd: Int) {
        var line = text.nextLine(after: lineEnd)
        if byteLines(name, from: line) { return }
        var count = 0
        // A blank line or the opening of a code block may stand between.
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        while line < text.count, count < 200 {
            var start = text.skipBlanks(line)
            let isItem = text[start] == 45 && text[start + 1] == 32
            let isBullet = isItem || (text[start] == 42 && text[start + 1] == 32)
            if isBullet { start = text.skipBlanks(start + 2) }
            guard count == 0 || isBullet else { return }
            guard start > line || isBullet || text[start] == 96 || count == 0, let value = text.readValue(at: start)
            else { return }
            if !value.isQuoted, text[value.range.upperBound - 1] == 58, !isBullet, count == 0 {
                nestedPairs(range, name, from: line)
                return
            }
            let end = text.lineEnd(from: value.end, limit: 80)
            var rest = text.skipBlanks(value.end)
            if text[rest] == 44 || text[rest] == 93 || text[rest] == 34 { rest = end }
            if text[rest] == UInt8(ascii: "#") { rest = end }
            guard rest >= end else { return }
            // `other:` on the next line is another key.
            let last = text[value.range.upperBound - 1]
            if !value.isQuoted, last == 58 || text.first(61, in: value.range) == value.range.upperBound - 1 { return }
            var weighed = name
            if !value.isQuoted, !isBullet, start == line { weighed.level = min(weighed.level, .medium) }
            if !value.isQuoted, !isBullet, text[value.range.upperBound - 1] == 58 || looksLikePair(value.range) {
                nestedPairs(range, name, from: line)
                return
            }
            if !value.isQuoted, looksLikePair(value.range) { return }
            if judge.isSecret(text, value, name: weighed, isCode: syntax.isCode, nameRange: range) {
                add(Self.ruleID(name), value.range)
            } else if count == 0, !isBullet {
                return
            }
            count += 1
            guard isBullet else { return }
            line = text.nextLine(after: end)
        }
    }

    /// "use this key", a line end, and a line that is nothing but a token.
    func lonelyToken(_ range: Range<Int>, _ lineEnd: Int) {
        let name = weigh(range)
        guard name.level > .none, name.kind != .pin else { return }
        // `$ cat api_token`, `$ echo $DB_PASSWORD`
        if isPrompted(range.lowerBound) { printedValue(after: lineEnd) }
        if name.kind == .password || text.find("wi-fi", in: max(0, range.lowerBound - 12)..<range.lowerBound) != nil {
            lonelyPassword(range, lineEnd)
            return
        }
        var line = text.nextLine(after: lineEnd)
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        var first = text.skipBlanks(line)
        if text[first] == 96 { first += 1 }
        var last = first
        while text[last].isTokenByte, last - first < 600 { last += 1 }
        guard last - first >= 20 else { return }
        let end = text[last] == 96 ? last + 1 : last
        guard text.skipBlanks(end) >= text.lineEnd(from: end, limit: 8) || text[end] == 34 else { return }
        let profile = ByteProfile(text, first..<last)
        if !judge.isNeverSecret(text, first..<last), judge.isToken(text, first..<last, profile, allowHex: true) {
            add(Self.ruleID(name), first..<last)
        }
    }

    /// `# Proxmox root password`, `**Wi-Fi password**`, "Password of the camera:", and a line of one word under it.
    func lonelyPassword(_ range: Range<Int>, _ lineEnd: Int) {
        guard !syntax.isCode, syntax != .table, !ByteProfile(text, range).looksRandom, !isFileOrPage(range) else {
            return
        }
        var line = text.nextLine(after: lineEnd)
        for _ in 0..<2 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: 24)
            if start < text.count, start == end || text.has("```", at: start) { line = text.nextLine(after: end) }
        }
        var first = text.skipBlanks(line)
        while text[first] == 62 || text[first] == 32 || text[first] == 96 || text[first] == 42 { first += 1 }
        guard let value = text.readValue(at: first, context: .word), !value.isQuoted else { return }
        var end = value.end
        while text[end] == 96 || text[end] == 42 || text[end] == 32 { end += 1 }
        guard end >= text.lineEnd(from: end, limit: 2) || text[end] == 34 else { return }
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 6, profile.digits > 0, profile.letters > 1, !profile.isHex,
            text.first(58, in: value.range) == nil,
            text.first(61, in: value.range) == nil, value.range.count(where: { text[$0] == 47 }) < 2,
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("prose-secret", value.range)
    }

    /// `[passwords]` over lines of `name = x`.
    func sectionPairs(_ range: Range<Int>, _ end: Int) {
        let name = weigh(range)
        guard name.level > .none, text[range.upperBound - 1] | 32 == 115, name.kind != .pin else { return }
        var weighed = name
        weighed.level = name.kind == .password ? .strong : .medium
        var line = text.nextLine(after: text.lineEnd(from: end, limit: 40))
        for _ in 0..<200 {
            let first = text.skipBlanks(line)
            let stop = text.lineEnd(from: first, limit: 600)
            guard first < text.count, text[first] != 91 else { return }
            if let equals = text.first(61, in: first..<stop), let value = text.readValue(at: equals + 1),
                value.range.upperBound <= stop,
                judge.isSecret(text, value, name: weighed, isCode: false)
            {
                add(Self.ruleID(name), value.range)
            }
            line = text.nextLine(after: stop)
        }
    }

    /// `keys:` over lines of `id: x`: values drawn at random are keys, whatever they are called. `DBPassword:` over lines that describe
    /// it, as templates do: its `Default:` is a password.
    func nestedPairs(_ range: Range<Int>, _ name: KeyName, from first: Int) {
        // A vendor's own name may end in an s.
        let isList =
            text[range.upperBound - 1] | 32 == 115 && (name.kind != .password || syntax == .yaml)
            && (name.level > .weak || !name.hasVendor || text.has("keys", at: range.upperBound - 4))
        let keyLine = text.lineStart(before: range.lowerBound, limit: 200)
        let indent = text.skipBlanks(keyLine) - keyLine
        var line = first
        for _ in 0..<64 {
            let start = text.skipBlanks(line)
            guard start < text.count, start - line > indent else { return }
            let end = text.lineEnd(from: start, limit: 600)
            var colon = start
            while colon < end, text[colon] != 58 { colon += 1 }
            if text[colon] == 58, let value = text.readValue(at: colon + 1), value.range.upperBound <= end {
                let profile = ByteProfile(text, value.range)
                if !isList {
                    let isValue =
                        colon - start == 7 && text.has("default", at: start)
                        || colon - start == 5 && text.has("value", at: start)
                        || colon - start == 3 && name.hasVendor && text.has("api", at: start)
                    if isValue, judge.isSecret(text, value, name: name, isCode: false, nameRange: range) {
                        add(Self.ruleID(name), value.range)
                    }
                } else if !judge.isNeverSecret(text, value.range),
                    judge.isToken(text, value.range, profile, allowHex: true) && !judge.isSlug(text, value.range)
                        || name.kind == .password && lexicon.isPlain(text, start..<colon)
                            && looksTyped(value.range, besideAccount: true)
                {
                    add(Self.ruleID(name), value.range)
                }
            }
            line = text.nextLine(after: end)
        }
    }

    func looksLikePair(_ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound, text[index].isName { index += 1 }
        return index > range.lowerBound && index < range.upperBound && (text[index] == 58 || text[index] == 61)
            && text[range.lowerBound].isLetter && index - range.lowerBound < 32
    }

    /// A YAML block scalar: its lines, one finding each, so that the indentation stays.
    func blockScalar(_ range: Range<Int>, _ name: KeyName, at position: Int) -> Bool {
        var header = position + 1
        while text[header] == 45 || text[header] == 43 || text[header].isDigit { header += 1 }
        header = text.skipBlanks(header)
        if text[header] == UInt8(ascii: "#") { header = text.lineEnd(from: header) }
        guard text[header] == 10 || text[header] == 13 || text.isLineEscape(at: header) else { return false }
        let keyLine = text.lineStart(before: range.lowerBound)
        let keyIndent = text.skipBlanks(keyLine) - keyLine
        var line = text.nextLine(after: header)
        var lines: [Range<Int>] = []
        while line < text.count, lines.count < 400 {
            let start = text.skipBlanks(line)
            let end = text.lineEnd(from: start, limit: ByteText.valueLimit)
            if start - line <= keyIndent, start < end { break }
            if start < end {
                var last = end
                while text[last - 1].isBlank { last -= 1 }
                lines.append(start..<last)
            }
            guard end < text.count else { break }
            line = text.nextLine(after: end)
        }
        guard !lines.isEmpty, !text.has("-----begin", at: lines[0].lowerBound) else { return true }
        let secrets = lines.filter { range in
            let value = FoundValue(range: range, quote: 34, end: range.upperBound)
            var weighed = name
            if lines.count > 1 { weighed.level = min(name.level, .medium) }
            return judge.isSecret(text, value, name: weighed, isCode: false)
        }
        // A few lines under a name that leaves no doubt are one secret: `password: >-` and a phrase.
        let isOne = !secrets.isEmpty && name.level == .strong && lines.count <= 4
        for range in isOne ? lines : secrets { add(Self.ruleID(name), range) }
        return true
    }
}
