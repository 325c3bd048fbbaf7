/// Words in values: what is made of them is a label, a placeholder or an identifier, and no secret.
extension ValueJudge {
    /// Functions that hash passwords, as settings name them.
    private var algorithms: WordTable { Self.algorithmWords }
    private static let algorithmWords = WordTable(
        "argon argon2 argon2id argon2i bcrypt scrypt pbkdf pbkdf2 scram sha hmac crypt blowfish yescrypt phpass pkcs md rsa dsa ecdsa ecdh hkdf cmac gcm cbc ctr aes ccm chacha poly dhe ecdhe tls ssl gost"
            .split(separator: " ").map { (String($0), UInt32(1)) })

    /// Whether every word of the value is one that names things: `your_api_key`, `test-token`, `password`, `accessToken`.
    func isMadeOfVocabulary(_ text: ByteText, _ range: Range<Int>) -> Bool {
        guard range.count <= 64 else { return false }
        if algorithms.flags(text, range) != 0 { return true }
        var all = true
        var words = 0
        var isAlgorithm = false
        lexicon.forEachWord(text, range) { word in
            guard all else { return }
            words += 1
            if text[word.lowerBound].isDigit {
                // `password1` is a weak password; `token-1`, `key_2` are names.
                let before = text[word.lowerBound - 1]
                // `base32`, `pkcs1`, `sha256`
                if isAlgorithm, word.count <= 4 { return }
                all = word.lowerBound > range.lowerBound && !before.isLetter && word.count <= 2
                return
            }
            isAlgorithm =
                algorithms.flags(text, word) != 0 || (word.count == 4 && text.has("base", at: word.lowerBound))
            all = isAlgorithm || placeholders.flags(text, word) != 0 || lexicon.isVocabulary(text, word)
        }
        guard all, words > 0 else { return false }
        for index in range {
            let byte = text[index]
            if !byte.isWord, byte != 45, byte != 46, byte != 32, byte != 47, byte != 58, byte < 0x80 {
                // `#add-password` of a page.
                guard byte == 35, index == range.lowerBound else { return false }
            }
        }
        return true
    }

    /// Whether the value only repeats its own name: `password = password`, `token: userToken`.
    func equalsIgnoringStyle(_ text: ByteText, _ range: Range<Int>, _ name: Range<Int>) -> Bool {
        var left = range.lowerBound
        var right = name.lowerBound
        while true {
            while left < range.upperBound, !(text[left].isLetter || text[left].isDigit) { left += 1 }
            while right < name.upperBound, !(text[right].isLetter || text[right].isDigit) { right += 1 }
            if left == range.upperBound || right == name.upperBound {
                return left == range.upperBound && right == name.upperBound
            }
            if lowered(text[left]) != lowered(text[right]) { return false }
            left += 1
            right += 1
        }
    }

    func hasBlank(_ text: ByteText, _ range: Range<Int>) -> Bool {
        for index in range where text[index].isSpace { return true }
        return false
    }

    /// Whether letters could be a word or a name made of words: known, or with vowels and consonants as words have them.
    func isWord(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        if profile.high > 0 { return true }
        return isWordLike(text, range)
    }

    /// Whether an identifier is made of words: known ones, or letters in pairs as words have them.
    func isWordLike(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.total <= 4 || (share.words * 2 >= share.total && !share.hasNoise)
    }

    func isNoisy(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.words * 10 < share.total * 8
    }

    /// Whether more than half of the letters of a token belong to words.
    func isMostlyWords(_ text: ByteText, _ range: Range<Int>) -> Bool {
        let share = wordShare(text, range)
        return share.total * 2 >= range.count && share.words * 10 >= share.total * 6
    }

    /// How many letters there are, how many of them in words, and whether a long run is no word.
    func wordShare(_ text: ByteText, _ range: Range<Int>) -> (total: Int, words: Int, hasNoise: Bool) {
        var total = 0
        var inWords = 0
        var hasNoise = false
        lexicon.forEachWord(text, range) { word in
            guard text[word.lowerBound].isLetter || text[word.lowerBound] >= 0x80 else { return }
            total += word.count
            if commonWords.flags(text, word) != 0 || placeholders.flags(text, word) != 0
                || lexicon.flags(of: text, word) != 0
            {
                inWords += word.count
            } else if word.count >= 4 {
                if text[word.lowerBound] >= 0x80 || letters.score(text, word) > LetterModel.threshold {
                    inWords += word.count
                } else if word.count >= 6 {
                    hasNoise = true
                }
            }
        }
        return (total, inWords, hasNoise)
    }

    /// What hints and errors say to whoever reads them.
    private static let orders = WordTable(
        "enter type choose use put add insert please your you must should provide set see least more invalid"
            .split(separator: " ").map { (String($0), UInt32(1)) })

    /// A passphrase of several words, as against a sentence or label.
    ///
    /// - Parameter isPhrase: its name says that it is one, in whatever language.
    func isPassphrase(_ text: ByteText, _ range: Range<Int>, _ profile: ByteProfile, isPhrase: Bool = false) -> Bool {
        guard range.count <= 100, profile.high == 0 else { return false }
        var words = 0
        var plain = true
        var known = 0
        var position = range.lowerBound
        var isSentence = false
        var isAbout = false
        var isOrder = false
        var shortest = Int.max
        while position < range.upperBound {
            while position < range.upperBound, text[position].isSpace { position += 1 }
            let start = position
            while position < range.upperBound, !text[position].isSpace { position += 1 }
            guard position > start else { break }
            words += 1
            if lexicon.isVocabulary(text, start..<position) { isAbout = true }
            if placeholders.flags(text, start..<position) & 1 != 0 || isAbout { isSentence = true }
            if Self.orders.flags(text, start..<position) != 0 { isOrder = true }
            shortest = min(shortest, position - start)
            if commonWords.flags(text, start..<position) != 0 { known += 1 }
            for index in start..<position where !text[index].isLower { plain = false }
        }
        if plain, words >= 4, words <= 12, known == words { return true }
        if isSentence {
            // "all along the watchtower" under the name of a phrase; a label has a word of its trade.
            return plain && isPhrase && words >= 4 && words <= 12 && !isAbout && !isOrder
        }
        // In quotes of its own; a table's cell and a line of notes have sentences.
        if plain, words >= 4, words <= 8, shortest >= 3, text[range.lowerBound - 1].isQuote { return true }
        if plain { return words >= (isPhrase ? 4 : 3) && words <= 12 && (isPhrase || known * 2 >= words) }
        return words <= 4 && profile.digits > 0 && profile.symbols >= words && text[range.upperBound - 1] != 46
    }
}
