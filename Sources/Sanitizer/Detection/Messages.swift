/// Messages of which one asks for a password and the next one is the answer: chats, mails, exports of messengers.
extension DetectionPass {
    private static let requests: [StaticString] = [
        "what", "need", "which", "give me", "send", "enter", "share", "tell me", "remember", "remind", "wie ",
        "was ist",
        "brauche", "schick", "cuál", "pasa", "mánda", "quel", "qual", "welche", "envoie", "donne", "manda", "dimmi",
        "bhej", "发我", "发一下", "多少", "教えて", "送って", "скинь", "пришли", "какой", "알려", "보내", "podaj", "jakie", "stuur",
    ]

    /// "What's the wifi password?" and a next line, or next message, that is one word: the answer.
    func answer(_ range: Range<Int>) {
        let before = text[range.lowerBound - 1]
        guard !syntax.isCode, !syntax.isConfiguration,
            before == 32 || before == 39 || before >= 0x80
        else { return }
        let name = weigh(range)
        guard name.kind == .password || name.kind == .pin, name.level == .strong else { return }
        // What the name's own sentence says is its value.
        if let last = found.last, last.range.lowerBound >= range.lowerBound { return }
        let line =
            text.lineStart(before: range.lowerBound, limit: 200)..<text.lineEnd(from: range.upperBound, limit: 300)
        let asks =
            text.first(63, in: range.upperBound..<line.upperBound) != nil
            || ["？", "؟"].contains { (mark: StaticString) in
                text.find(mark, in: range.upperBound..<line.upperBound) != nil
            }
            || Self.requests.contains { text.find($0, in: line) != nil }
        if syntax == .json {
            if asks, let message = nextString(after: range.upperBound) { reply(message, name, isAsked: true) }
            return
        }
        let speaks = speakerEnd(line) != nil || text.first(9, in: line) != nil
        var next = text.nextLine(after: line.upperBound)
        var isMessage = speaks
        for _ in 0..<4 where next < text.count {
            let first = text.skipBlanks(next)
            let end = text.lineEnd(from: first, limit: 300)
            if first < end, !isHeader(first..<end) {
                let start = speakerEnd(first..<end)
                isMessage = isMessage && start != nil
                guard asks || isMessage else { return }
                reply((start ?? first)..<end, name, isAsked: asks)
                return
            }
            isMessage = isMessage || first < end
            next = text.nextLine(after: end)
        }
    }

    /// The text of the next message of an export: `…?"}, {"user": "kim", "text": "x"}`.
    private func nextString(after index: Int) -> Range<Int>? {
        let limit = min(text.count, index + 700)
        guard let close = text.first(34, in: index..<limit) else { return nil }
        var nearest: Int?
        for key in ["\"text\"", "\"content\"", "\"body\"", "\"message\"", "\"value\""] as [StaticString] {
            // `"type":"message"` is no key.
            var from = close
            while let place = text.find(key, in: from..<limit), nearest.map({ place < $0 }) ?? true {
                from = place + key.utf8CodeUnitCount
                if text[text.skipBlanks(from)] == 58 {
                    nearest = from
                    break
                }
            }
        }
        guard let nearest, text[text.skipBlanks(nearest)] == 58,
            let value = text.readValue(at: text.skipBlanks(nearest) + 1), value.isQuoted
        else { return nil }
        return value.range
    }

    /// Where the text of a line begins that names who says it: `Kim: x`, `[10:02] <kim> x`, `12.05.2026, 09:15 - Kim: x`.
    func speakerEnd(_ line: Range<Int>) -> Int? {
        var position = line.lowerBound
        while position < line.upperBound,
            text[position].isDigit || text[position].isOne(of: " *,-./:[]_")
        { position += 1 }
        if text[position] == 60 {
            guard let close = text.first(62, in: position..<min(line.upperBound, position + 40)) else { return nil }
            return text.skipBlanks(close + 1)
        }
        let first = position
        while position < line.upperBound, position - first < 40, text[position] != 58, text[position] != 0xEF {
            guard text[position].isName || text[position].isOne(of: " ()*@") else { return nil }
            position += 1
        }
        guard position > first, !namesLevel(first..<position) else { return nil }
        if text[position] == 58, text[position + 1] == 32 { return text.skipBlanks(position + 2) }
        // The full-width colon.
        if text[position] == 0xEF, text[position + 1] == 0xBC, text[position + 2] == 0x9A {
            return text.skipBlanks(position + 3)
        }
        return nil
    }

    /// `DEBUG gateway.telegram: x` of a log names no person.
    private func namesLevel(_ speaker: Range<Int>) -> Bool {
        var end = speaker.lowerBound
        while text[end].isUpper { end += 1 }
        return isLogger(end + 1..<end + 1)
    }

    /// A line that says who speaks and when, over the message: `Kim, [2026-05-11 09:25]`, `**kim** — today at 09:15`.
    private func isHeader(_ line: Range<Int>) -> Bool {
        guard line.count < 64,
            text[line.lowerBound].isLetter || text[line.lowerBound] == 42 || text[line.lowerBound] == 91
        else { return false }
        var last = line.upperBound - 1
        while text[last].isSpace || text[last] == 93 || text[last] == 42 { last -= 1 }
        guard text[last].isDigit || lowered(text[last]) == 109 else { return false }
        return (max(line.lowerBound, last - 9)..<last).contains {
            text[$0] == 58 && text[$0 - 1].isDigit && text[$0 + 1].isDigit && text[$0 + 2].isDigit
        }
    }

    private static let answerLeads = WordTable(
        """
        sure ok okay yes yeah yep it's its it is that's thats here here's hier ja das ist es c'est oui voilà sí si claro é è la toma
        ten da вот это он она hai 是 yup so still now jetzt the der ecco eccola proszę jest tak ja het hep hey hi moment sec
        """.split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })

    /// Adds what a message says first, when it could be a password: its only word, or one that more is said about after a comma.
    private func reply(_ message: Range<Int>, _ name: KeyName, isAsked: Bool) {
        var start = message.lowerBound
        var leads = 0
        func skipMarks() {
            while start < message.upperBound, text[start].isOne(of: " \"'(*`|") { start += 1 }
        }
        skipMarks()
        while leads < 4, start < message.upperBound {
            var end = start
            while end < message.upperBound, !text[end].isSpace { end += 1 }
            var word = end
            while word > start, text[word - 1].isOne(of: ",.:!") { word -= 1 }
            guard Self.answerLeads.flags(text, start..<word) != 0 else { break }
            leads += 1
            start = end
            skipMarks()
        }
        var word = bareWord(at: start, limit: max(0, min(80, message.upperBound - start)))
        while !word.isEmpty, text[word.upperBound - 1] == 124 { word = word.lowerBound..<word.upperBound - 1 }
        guard !word.isEmpty else { return }
        var after = word.upperBound
        while text[after].isOne(of: " \"'*`|)"), after < message.upperBound { after += 1 }
        let isWhole = after >= message.upperBound || [44, 46, 59, 40, 45, 0xE2, 0xF0].contains(text[after])
        guard isWhole || leads > 0 else { return }
        let profile = ByteProfile(text, word)
        if profile.isNumber {
            if isWhole, isAsked, (4...12).contains(profile.length) {
                add(name.kind == .pin ? "pin" : "prose-secret", word)
            }
            return
        }
        if looksTyped(word, besideAccount: true) || (isWhole && isAnswer(word, profile)) { add("prose-secret", word) }
    }

    /// A word that is a message of its own and no file, address, time, model or word of the language.
    private func isAnswer(_ word: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard (6...64).contains(profile.length), profile.high == 0, profile.letters > 2,
            text[word.lowerBound] != 45, text[word.lowerBound] != 43, judge.placeholders.flags(text, word) == 0,
            !word.contains(where: { text[$0].isOne(of: "\"()/:<=>[\\]{}") }),
            text.first(64, in: word).map({ text.first(46, in: $0..<word.upperBound) == nil }) ?? true
        else { return false }
        if profile.digits == 0 {
            // Three words or more that hyphens or dots join.
            return word.count(where: { text[$0] == 45 || text[$0] == 46 || text[$0] == 95 }) >= 2
                && word.allSatisfy { text[$0].isLower || text[$0] == 45 || text[$0] == 46 || text[$0] == 95 }
        }
        return judge.isSecret(
            text, FoundValue(range: word, quote: 34, end: word.upperBound),
            name: KeyName(kind: .password, level: .strong), isCode: false)
    }

    static let changes = ["made it ", "set it to ", "changed it to ", "turned it into ", "reset it to "]

    /// "It wants a new password again and I made it purple Otter 1974": words up to a number, or one word that looks typed.
    func changeHit(_ start: Int, _ end: Int) {
        guard !syntax.isCode, syntax != .log, syntax != .table else { return }
        let before = text.lineStart(before: start, limit: 200)..<start
        guard
            ["password", "passphrase", "passcode", "pass ", "pw ", "kennwort", "login"].contains(where: {
                (word: StaticString) in text.find(word, in: before) != nil
            })
        else { return }
        let word = bareWord(at: end)
        if looksTyped(word, besideAccount: true) {
            add("prose-secret", word)
            return
        }
        var position = end
        for place in 0..<5 {
            let first = position
            while text[position].isLetter || text[position].isDigit || text[position] == 39 { position += 1 }
            guard position > first else { return }
            if (first..<position).allSatisfy({ text[$0].isDigit }) {
                // "I set it to 20 minutes"
                if place >= 2, position - first <= 4 { add("prose-secret", end..<position) }
                return
            }
            guard text[position] == 32 else { return }
            position += 1
        }
    }

    static let otherOnes = ["old one ", "new one ", "other one "]

    /// "The old one (x) still works": what stands for the password that the sentence before named.
    func otherOneHit(_ end: Int) {
        guard let last = found.last, last.range.upperBound > end - 400, last.range.upperBound < end, !syntax.isCode
        else {
            return
        }
        var position = end
        for verb in ["is ", "was ", "now ", "still ", "to "] as [StaticString] where text.has(verb, at: position) {
            position += verb.utf8CodeUnitCount
        }
        while text[position] == 40 || text[position] == 96 || text[position] == 42 { position += 1 }
        let word = bareWord(at: position)
        if looksTyped(word, besideAccount: true) { add("prose-secret", word) }
    }

    /// `kim@example.org -> x`, `steam   kim88 -> x` in a list of logins.
    func arrowNoteHit(_ start: Int, _ end: Int) {
        guard syntax == .markdown || syntax == .plain, !name.isEmpty else { return }
        var first = start
        while first > 0, start - first < 60, !text[first - 1].isSpace { first -= 1 }
        let account = first..<start
        let word = bareWord(at: text.skipBlanks(end))
        let lineEnd = text.lineEnd(from: word.upperBound, limit: 40)
        let rest = text.skipBlanks(word.upperBound)
        guard account.count >= 3, account.allSatisfy({ text[$0].isName || text[$0] == 64 || text[$0] == 43 }),
            rest >= lineEnd || text[rest] == 40 || text[rest] == 35, looksTyped(word, besideAccount: true)
        else { return }
        let above = max(0, start - 600)..<start
        guard
            text.first(64, in: account) != nil
                || ["login", "account", "passw", "credential", "zugäng", "zugang", "konten", "cuentas", "comptes"]
                    .contains(
                        where: { (topic: StaticString) in text.find(topic, in: above) != nil })
        else { return }
        add("login-pair", word)
    }

    static let securityQuestions = [
        "security question", "secret question", "sicherheitsfrage", "geheimfrage", "preguntas de seguridad",
        "pregunta de seguridad", "questions de sécurité", "questions secrètes", "perguntas de segurança",
        "domande di sicurezza", "beveiligingsvragen", "контрольные вопросы", "контрольный вопрос",
    ]

    /// The answers in a list under "security questions:": `first pet -> Flauschi the Third`.
    func securityQuestionHit(_ end: Int) {
        let head = text.lineEnd(from: end, limit: 60)
        guard !syntax.isCode, syntax != .log,
            text[head - 1] == 58 || text[text.skipBlanks(text.lineStart(before: end))] == 35
        else { return }
        var line = text.nextLine(after: head)
        for _ in 0..<12 {
            var first = text.skipBlanks(line)
            let stop = text.lineEnd(from: first, limit: 160)
            guard first < stop else { return }
            while text[first].isOne(of: "-* \t") { first += 1 }
            line = text.nextLine(after: stop)
            guard let answer = answerStart(first..<stop) else { return }
            var last = stop
            while last > answer, text[last - 1].isSpace || text[last - 1] == 34 || text[last - 1] == 92 { last -= 1 }
            let value = answer..<last
            let profile = ByteProfile(text, value)
            guard (3...48).contains(profile.length), !judge.isNeverSecret(text, value),
                !judge.isMadeOfVocabulary(text, value), text[last - 1] != 63, text.first(58, in: value) == nil,
                !["see ", "in ", "siehe ", "ask ", "not ", "none", "stored", "kept"].contains(where: {
                    (word: StaticString) in text.has(word, at: answer)
                })
            else { continue }
            add("security-answer", value)
        }
    }

    /// Where the answer begins in a line of a question and its answer.
    private func answerStart(_ line: Range<Int>) -> Int? {
        for joint in [" -> ", " => ", " → ", "? ", ": ", " = ", " – ", " — "] as [StaticString] {
            guard let place = text.find(joint, in: line), place - line.lowerBound <= 60 else { continue }
            var start = place + joint.utf8CodeUnitCount
            while text[start].isOne(of: " ->\"`*") { start += 1 }
            return start < line.upperBound ? start : nil
        }
        return nil
    }
}
