/// Words that name secrets: how far the name around one reaches, and which rule reads what stands after it.
extension DetectionPass {
    private static let nameLimit = 96

    /// A word that names secrets stands at `start..<end`.
    func nameHit(_ start: Int, _ end: Int) throws {
        guard start >= nameEnd else { return }
        // An anchor such as `_session=` tells a name by what follows it.
        var end = end
        var start = start
        if text[start] == 38 || text[start] == 63 { start += 1 }
        // What an anchor ends in beyond its name is a blank, a quote or an operator.
        while end > start, case let last = text[end - 1], last == 32 || last == 34 || last == 58 || last == 61 {
            end -= 1
        }
        var first = start
        // Latin letters before a name of another script are another word.
        while first > 0, start - first < Self.nameLimit, text.base[start] < 0xE3 {
            let byte = text.base[first - 1]
            guard byte.isWord || byte == 45 || byte == 46 else { break }
            first -= 1
        }
        if first < start, text[first - 1] == UInt8(ascii: "\\"),
            text[first] == UInt8(ascii: "n") || text[first] == UInt8(ascii: "r") || text[first] == UInt8(ascii: "t")
        {
            first += 1
        }
        var isFlag = false
        while first < start, text[first] == 45 || text[first] == 46 {
            isFlag = isFlag || text[first] == 45
            first += 1
        }
        if first == start, text[first - 1] == 45 { isFlag = true }
        if first > 1, text[first - 1] == UInt8(ascii: "%"), first + 2 <= start, text[first].isHex, text[first + 1].isHex
        {
            first += 2
        }
        var last = end
        while last < text.count, last - end < Self.nameLimit {
            let byte = text.base[last]
            if byte.isWord || byte == 45 || byte == 46 {
                last += 1
            } else if byte >= 0xC3, byte <= 0xDF {
                last += 2
            } else {
                break
            }
        }
        last = min(last, text.count)
        // What follows a name of another script is no part of it: `密码x`.
        if last > end, text.base[start] >= 0xE0, text[end - 1] >= 0x80 { last = end }
        while last > end, text[last - 1] == 45 || text[last - 1] == 46 { last -= 1 }
        nameEnd = last
        // "(with -Rpass) but"
        if text[last] == 41 { isFlag = false }
        guard last - first <= Self.nameLimit else { return }
        if text[first - 1] == 32, text[first - 2].isLower || text[first - 2] == 32, isDeclared(first..<last) {
            // `def token = "x"` declares a variable, and what a function returns may be a secret.
            let next = text.skipBlanks(last)
            if text[next] == UInt8(ascii: "(") { _ = returnedValue(first..<last, from: next) }
            guard text[next] == UInt8(ascii: "=") || (text.has("(def ", at: first - 5) && text[next] == 34) else {
                return
            }
        }
        if end < last, text[last].isOne(of: " (=!<"), let dot = text.first(46, in: end..<last),
            controlContent(first..<dot, dot)
        {
            return
        }

        // What stands between the name and its operator.
        var position = last
        var closedQuote = false
        var closers = 0
        while closers < 8 {
            let byte = text[position]
            if byte == UInt8(ascii: "\\") {
                guard let depth = text.quoteDepth(at: position) else { break }
                position += depth
                continue
            }
            if byte == 91, position == last {
                // `char key[] = …`, `uint8_t key[16] = …`
                var end = position + 1
                while text[end].isDigit { end += 1 }
                if text[end] == 93 {
                    position = end + 1
                    break
                }
            }
            if byte.isQuote { closedQuote = true } else if byte != 93 && byte != 42 && byte != 41 { break }
            position += 1
            closers += 1
        }
        let close = position
        position = text.skipBlanks(position)
        let isBracketed = text[position] == 40 && position > close
        if text[position] == UInt8(ascii: "("), position - last <= 2,
            let paren = text.first(41, in: position..<min(text.count, position + 40))
        {
            // `password (guest Wi-Fi): x`
            let after = text.skipBlanks(paren + 1)
            if paren > position + 1, text[after] == 58 || text[after] == 61 { position = after }
        }
        let range = first..<last
        if text[position] == 45 || text[position] == 47, position > close, flaggedValue(range, position) { return }
        if text[last] == 44 || text[first - 2] == 44, parallelValue(range) { return }
        if labelledPair(range) { return }
        comparedBefore(range)
        if substituted(range) { return }
        if closedQuote, text.base[min(position, text.count - 1)].isOne(of: "tow?|"),
            quotedFallback(range, position)
        {
            return
        }
        if text[last] == 39 || text[last] == 0xE2, text.has("s ", at: last + (text[last] == 39 ? 1 : 3)) {
            // "the password's x"
            sentence(range, weigh(range), from: last + (text[last] == 39 ? 3 : 5))
            return
        }
        if text.has("]::new(", at: last) {
            // `[Net.NetworkCredential]::new("kim", "x")`
            callArgument(range, last + 7)
            return
        }
        if text[first - 1] == 91, text[last] == 93,
            first - 1 == text.skipBlanks(text.lineStart(before: first, limit: 8))
        {
            sectionPairs(range, last + 1)
            return
        }
        if text[position] == 58, position == last {
            // A part of an ARN (`…:secret:prod/x`), and the tag of an image (`registry/auth-token:1.2`).
            if text[first - 1] == 58, text.find("arn:", in: max(0, first - 120)..<first) != nil { return }
            if text[first - 1] == 47, text[first - 2].isName, weigh(range).kind != .password { return }
        }
        switch text[position] {
        case UInt8(ascii: ":") where isVerdict(range): return
        case UInt8(ascii: ":"), UInt8(ascii: "="):
            try assignment(range, at: position, closedQuote: closedQuote, isFlag: isFlag)
        case UInt8(ascii: ".") where text[position + 1].isSpace || text[position + 1] == 0 || text[position + 1] == 34:
            if dottedPair(range, position) { return }
            valueBefore(range)
        case let sign where (sign == 60 || sign == 63 || sign == 123 || sign == 125) && looseValue(range, position):
            return
        case UInt8(ascii: "?") where text[position + 1] != 61 && (text[position + 1] != 63 || text[position + 2] != 61):
            answer(range)
        case UInt8(ascii: "?"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "-"):
            let next = text[position + 1]
            // `?=`, `+=`, `.=`, `??=`, `->`
            if text[position] == 33, next == 58 {
                // `password!: string = "x"`
                try assignment(range, at: position + 1, closedQuote: closedQuote, isFlag: isFlag)
            } else if next == UInt8(ascii: "=") || next == UInt8(ascii: "?") || (text[position] == 45 && next == 62) {
                try assignment(range, at: position, closedQuote: closedQuote, isFlag: isFlag)
            } else if text[position] == 45, next == 32, position > close {
                dashPair(range, position + 2)
            } else if text[position] == 46, closedQuote, weigh(range).level >= .medium {
                if !controlContent(range, position) { _ = optionDefault(range, position) }
            }
        case UInt8(ascii: "|"):
            if text[position + 1] == UInt8(ascii: "=") {
                // `flags |= 1`
                return
            } else if text[position + 1] == UInt8(ascii: "|") {
                try assignment(range, at: position, closedQuote: closedQuote, isFlag: isFlag)
            } else {
                tableHit(range)
                cellPair(range, position + 1)
            }
        case UInt8(ascii: "{"):
            if text.quoteDepth(at: position + 1) != nil {
                // `Secret{"x"}`
                callArgument(range, position + 1)
            } else if closedQuote {
                blockDefault(range, position + 1)
            } else if position > close, !syntax.isCode, opensMap(at: position) {
                // `tokens { agent = "x" }`
                mapValues(range, weigh(range), in: position)
            } else if position > close {
                try spacedValue(range, position, isFlag: false)
            }
        case UInt8(ascii: "["): memberAssignment(range, position)
        case UInt8(ascii: ","), UInt8(ascii: ";"):
            if text[position] == 44, comparedAfter(range, position + 1) || declaredFlag(range, position + 1) { return }
            if closedQuote || text[first - 1] == 123
                || (text[first - 1] == 58 && (text[first - 2] == 123 || syntax.isCode)),
                try commaPair(range, position + 1)
            {
                return
            }
            if closedQuote, text[position] == 44, text[first - 1] == 45 || text[first - 2] == 40,
                weigh(range).level >= .medium, optionDefault(range, position + 1)
            {
                return
            }
            tableHit(range)
            if cellRow(range, position + 1) { return }
            if !closedQuote, text[position + 1] == 32, !syntax.isCode, syntax != .table, syntax != .json,
                case let name = weigh(range), name.kind == .password, name.level == .strong
            {
                sentence(range, name, from: text.skipBlanks(position + 1), isApart: true)
            }
            namedValue(range, close)
        case UInt8(ascii: "<"):
            if text[position + 1] == 45, text[position + 2] == 32 {
                // The assignment of R.
                try assignment(range, at: position + 1, closedQuote: closedQuote, isFlag: false)
            } else {
                namedValue(range, close)
                if text[position + 1] == 47 { htmlTable(range) }
            }
        case UInt8(ascii: ">"):
            elementText(range, position + 1)
            namedValue(range, close)
        case UInt8(ascii: "("):
            if isBracketed, case let name = weigh(range), name.kind == .secret, name.level == .weak,
                text[position + 1].isQuote
            {
                collection(range, name, at: position)
            } else if bracketedValue(range) {
                return
            } else if returnedValue(range, from: position) {
                return
            } else if isBracketed, !syntax.isCode {
                try spacedValue(range, position, isFlag: false)
            } else {
                callArgument(range, position + 1)
            }
        case UInt8(ascii: "}"), UInt8(ascii: "/"), 10, 13, 0:
            if closers > 0, text[last] == 41, namedAfter(range, weigh(range)) { return }
            if text[position] == 47, text[position + 1].isLetter, !syntax.isCode {
                // `password/prod: x`
                var colon = position + 1
                while text[colon].isWord, colon - position < 24 { colon += 1 }
                if text[colon] == 58, text[colon + 1] == 32 {
                    try assignment(range, at: colon, closedQuote: false, isFlag: false)
                    return
                }
            }
            tableHit(range)
            namedValue(range, close)
            if isFlag { listedValue(range, after: position) }
            if text[position] == 10 || text[position] == 13 || text[position] == 0 {
                alignedTable(range)
                lonelyToken(range, position)
                valueBefore(range)
                answer(range)
            }
        case 0xEF where text.has("（", at: position):
            // `授权码（QQ邮箱）：x`
            guard let close = text.find("）", in: position..<min(text.count, position + 60)) else { return }
            if text.has("：", at: close + 3) {
                try assignment(range, at: close + 5, closedQuote: false, isFlag: false)
            } else if text[close + 3] == 58 || text[close + 3] == 61 {
                try assignment(range, at: close + 3, closedQuote: false, isFlag: false)
            }
        case UInt8(ascii: "*") where position > close && isPointer(position): return
        case UInt8(ascii: "%") where text[position + 1] == 51 && text[position + 2] | 32 == 100:
            encodedPair(range, position + 3)
        case 0xEF where text.has("：", at: position):
            // The full-width colon.
            try assignment(range, at: position + 2, closedQuote: false, isFlag: false)
        case 0xE2 where text[position + 1] == 0x86 || text[position + 1] == 0x80:
            // An arrow or dash.
            dashPair(range, position + 3)
        case 0xE6 where text.has("是", at: position), 0xE3 where text.has("は", at: position),
            0xE4 where text.has("为", at: position), 0xE7 where text.has("為", at: position),
            0xEB where text.has("는", at: position), 0xEC where text.has("은", at: position):
            gluedValue(range, position)
        case 0xE3 where text.has("を", at: position) || text.has("「", at: position): gluedValue(range, position)
        default:
            if text[first] >= 0xE0, position == last, text[position].isWord {
                gluedValue(range, position)
            } else if closers > 0, text[last] == 41, bracketedValue(range) {
                return
            } else if closers > 0, text[last] == 41, namedAfter(range, weigh(range)) {
                return
            } else if text.isLineEscape(at: position) {
                tableHit(range)
                namedValue(range, close)
                lonelyToken(range, position)
                valueBefore(range)
            } else if position > close || text[position] >= 0x80 {
                // A secret that was found already, `-pMy-Pw-1`, names nothing.
                if let secret = found.last, secret.range.contains(start) { return }
                if isFileOrPage(range) { return }
                // `Key* make(x);`
                if text[last] == 42, closers == 1, text[first - 1] != 42,
                    isDeclarator(position, orIdentifier: text[position + 3] == 95 || judge.isIdentifier(text, range))
                {
                    return
                }
                if text[close] == 9 { tableHit(range) }
                if text[close] == 32, text[close + 1] == 32 { alignedTable(range) }
                if closedQuote || text[close - 1] == 34 { namedValue(range, close) }
                if comparedList(range, position) || quotedAfter(range, position) || looseValue(range, position)
                    || declaredVariable(range, position) || boundString(range, position)
                {
                    return
                }
                if text[first - 1] == 58, let close = text.first(62, in: position..<min(text.count, position + 160)) {
                    // `<wsse:Password Type="…">x`
                    elementText(range, close + 1)
                }
                try spacedValue(range, position, isFlag: isFlag)
                answer(range)
            }
        }
    }

    static func ruleID(_ name: KeyName) -> String {
        switch name.kind {
        case .none: "keyed-secret"
        case .password: "password"
        case .pin: "pin"
        case .secret: "secret"
        case .key: name.hasVendor ? "vendor-key" : "key"
        }
    }
}
