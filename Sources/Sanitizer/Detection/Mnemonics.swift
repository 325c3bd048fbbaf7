/// Wallet seeds in words (BIP-39: 12 to 24 words of a list of 2,048) and one-time recovery codes.
extension DetectionPass {
    /// A rarer word of the list stands at `start..<end`. Twelve words drawn from the list hold one of these with a chance of 99 %; no
    /// checksum is asked for, since a seed with a typing error opens the wallet to whoever mends it.
    func mnemonicHit(_ start: Int, _ end: Int) {
        guard start >= mnemonicEnd, !text[start - 1].isLetter, !text[end].isLetter else { return }
        var first = start
        var count = 1
        // Backwards, then forwards, over blanks, commas, line ends, and the numbers of a numbered list.
        while count < 36, let word = wordBefore(first), rules.mnemonicWords.flags(text, word) != 0 {
            first = word.lowerBound
            count += 1
        }
        var last = end
        while count < 48, let word = wordAfter(last), rules.mnemonicWords.flags(text, word) != 0 {
            last = word.upperBound
            count += 1
        }
        mnemonicEnd = last
        guard count >= 12 else { return }
        (first, last) = wholeLines(first, last)
        // Prose repeats words and a seed hardly does.
        var distinct = Set<UInt64>()
        var index = first
        count = 0
        while index < last {
            let wordStart = index
            while index < last, text[index].isLetter { index += 1 }
            if index > wordStart {
                var hash = WordTable.seed
                for position in wordStart..<index { WordTable.mix(&hash, lowered(text[position])) }
                distinct.insert(hash)
                count += 1
            } else {
                index += 1
            }
        }
        guard distinct.count * 10 >= count * 8 else { return }
        add("mnemonic", first..<last)
    }

    /// A seed over whole lines, without the words of a sentence that goes on before or after it on lines of its own.
    private func wholeLines(_ first: Int, _ last: Int) -> (Int, Int) {
        var (first, last) = (first, last)
        let tail = text.lineStart(before: last, limit: last - first)
        if tail > first, text[text.skipBlanks(last)].isLetter, words(in: first..<tail) >= 12 {
            last = tail
            while last > first, !text[last - 1].isLetter { last -= 1 }
        }
        let head = text.lineEnd(from: first, limit: last - first)
        let lead = text.lineStart(before: first, limit: 200)
        if head < last, (lead..<first).contains(where: { text[$0].isLetter }), text[first - 1] == 32,
            words(in: head..<last) >= 12
        {
            first = text.nextLine(after: head)
            while first < last, !text[first].isLetter { first += 1 }
        }
        // `seed: legal …`: the label is a word of the list, too.
        var label = first
        while text[label].isLetter { label += 1 }
        if text[label] == 58, words(in: label..<last) >= 12 { first = text.skipSpace(label + 1) }
        return (first, last)
    }

    private func words(in range: Range<Int>) -> Int {
        range.count { text[$0].isLetter && !text[$0 - 1].isLetter }
    }

    private func wordBefore(_ index: Int) -> Range<Int>? {
        var end = index
        var steps = 0
        while end > 0, steps < 12 {
            let byte = text[end - 1]
            if byte == 110, text[end - 2] == 92 {
                end -= 2
            } else if byte.isSpace || byte.isDigit || byte == 44 || byte == 46 || byte == 41 || byte == 34 || byte == 39
                || byte == 58 || byte == 45
            {
                end -= 1
            } else {
                break
            }
            steps += 1
        }
        guard steps > 0, steps < 12 else { return nil }
        var start = end
        while start > 0, text[start - 1].isLetter, end - start < 9 {
            if text[start - 1] == 110, text[start - 2] == 92 { break }
            start -= 1
        }
        return end - start >= 3 && end - start <= 8 ? start..<end : nil
    }

    private func wordAfter(_ index: Int) -> Range<Int>? {
        var start = index
        var steps = 0
        while start < text.count, steps < 12 {
            let byte = text[start]
            if byte == 92, text[start + 1] == 110 {
                start += 2
            } else if byte.isSpace || byte.isDigit || byte == 44 || byte == 46 || byte == 41 || byte == 34 || byte == 39
                || byte == 58 || byte == 45
            {
                start += 1
            } else {
                break
            }
            steps += 1
        }
        guard steps > 0, steps < 12 else { return nil }
        var end = start
        while text[end].isLetter, end - start < 9 { end += 1 }
        return end - start >= 3 && end - start <= 8 ? start..<end : nil
    }

    /// "recovery codes", "backup codes": the codes on this line and those that follow, until a line holds none.
    func recoveryCodesHit(_ start: Int, _ end: Int) {
        var position = end
        while text[position].isLetter { position += 1 }
        recoveryCodes(from: position)
    }

    /// The codes from here on, line by line, until lines hold none. The heading may go on in brackets or quotes.
    func recoveryCodes(from end: Int) {
        var line = end
        var emptyLines = 0
        var isFirst = true
        var hasCodes = false
        var found: [Range<Int>] = []
        var others: [Range<Int>] = []
        defer { addLikeCodes(others, found) }
        while line < text.count, emptyLines < 2, line - end < 4000 {
            let lineEnd = text.lineEnd(from: line, limit: 1000)
            var codes = 0
            var words = 0
            var index = line
            while index < lineEnd {
                while index < lineEnd, !(text[index].isLetter || text[index].isDigit) { index += 1 }
                let wordStart = index
                while index < lineEnd, text[index].isLetter || text[index].isDigit || text[index] == 45 { index += 1 }
                var code = wordStart..<index
                // Two groups of four digits, one blank between.
                if code.count == 4, code.allSatisfy({ text[$0].isDigit }), text[index] == 32 {
                    var next = index + 1
                    while text[next].isDigit { next += 1 }
                    if next - index - 1 == 4 {
                        code = wordStart..<next
                        index = next
                    }
                }
                guard !code.isEmpty else { continue }
                if isRecoveryCode(code) {
                    add("recovery-code", code)
                    found.append(code)
                    codes += 1
                } else if code.count > 2 {
                    others.append(code)
                    words += 1
                    if !isFirst, codes == 0, words > 2 { return }
                    if isFirst, words > 12, codes == 0 { return }
                }
            }
            // Blank lines under the heading do not end it.
            hasCodes = hasCodes || codes > 0
            if codes > 0 {
                emptyLines = 0
            } else if !isFirst, words > 0 || hasCodes || line - end > 200 {
                emptyLines += 1
            }
            if lineEnd >= text.count { return }
            isFirst = false
            line = text.nextLine(after: lineEnd)
        }
    }

    /// Words amid codes that have the codes' form: one drawn at random may have no digits, or only one.
    private func addLikeCodes(_ words: [Range<Int>], _ codes: [Range<Int>]) {
        guard codes.count >= 3, let first = codes.first, let last = codes.last else { return }
        func form(_ range: Range<Int>) -> [Int] {
            range.filter { text[$0] == 45 }.map { $0 - range.lowerBound } + [range.count]
        }
        let forms = Set(codes.map(form))
        guard forms.count == 1, let wanted = forms.first else { return }
        for word in words
        where form(word) == wanted && word.upperBound > first.lowerBound - 200
            && word.lowerBound < last.upperBound + 200
            && (wanted.count > 1 || text.hasDigit(in: word) || !judge.isWordLike(text, word))
        {
            add("recovery-code", word)
        }
    }

    func isRecoveryCode(_ range: Range<Int>) -> Bool {
        let profile = ByteProfile(text, range)
        guard profile.length >= 6, profile.length <= 48, profile.digits >= 1 else { return false }
        if profile.symbols > 0 {
            // Groups of equal length.
            let groups = text.bytes(range).split(separator: 45, omittingEmptySubsequences: false)
            guard let size = groups.first?.count, size >= 3, groups.allSatisfy({ $0.count == size }) else {
                return judge.isUUID(text, range)
            }
            // A date or a telephone number.
            return !(profile.isNumber && size < 4) && profile.length >= 8
        }
        if profile.digits == profile.length { return profile.length >= 6 && profile.length <= 12 }
        return profile.length >= 8 && profile.changes >= 2 && profile.length <= 32
    }
}
