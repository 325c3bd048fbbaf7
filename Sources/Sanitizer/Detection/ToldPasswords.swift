/// Passwords that are words, told by a sentence that says to what one was changed: "I changed your password to x.", "Ich habe dein
/// Passwort auf x geändert."
extension DetectionPass {
    /// A language's verbs of changing, the joint before the new password, and what may follow it.
    private struct Telling {
        var verbs: [StaticString]
        var joint: StaticString
        var participles: [StaticString] = []
    }

    private static let tellings: [Telling] = [
        Telling(
            verbs: [
                "changed ", "i set ", "we set ", "ve set ", "have set ", "just set ", "has set ", "had set ",
                "i reset ",
                "we reset ", "ve reset ", "have reset ", "just reset ", "updated ", "switched ",
            ], joint: " to "),
        Telling(
            verbs: ["habe ", "haben ", "hat ", "wurde "], joint: " auf ",
            participles: [" geändert", " gesetzt", " gestellt", " umgestellt", " zurückgesetzt", " aktualisiert"]),
        Telling(verbs: ["cambiado ", "cambié ", "puse ", "restablecí "], joint: " a "),
        Telling(verbs: ["cambiado ", "cambié ", "puse ", "restablecí "], joint: " por "),
        Telling(verbs: ["changé ", "modifié ", "remis ", "mis "], joint: " en "),
        Telling(verbs: ["changé ", "modifié ", "remis ", "mis "], joint: " à "),
        Telling(verbs: ["cambiato ", "impostato ", "reimpostato "], joint: " in "),
        Telling(verbs: ["mudei ", "alterei ", "troquei "], joint: " para "),
        Telling(verbs: ["heb ", "hebben "], joint: " in ", participles: [" veranderd", " gewijzigd", " gezet"]),
        Telling(verbs: ["heb ", "hebben ", "veranderd", "gewijzigd"], joint: " naar ", participles: [" gezet"]),
        Telling(verbs: ["zmieniłem ", "zmieniłam ", "zmieniono ", "ustawiłem "], joint: " na "),
        Telling(verbs: ["ändrade ", "ändrat ", "bytte ", "ændrede ", "endret "], joint: " till "),
        Telling(verbs: ["ændrede ", "ændret ", "endret ", "byttet "], joint: " til "),
        Telling(verbs: ["сменил ", "сменила ", "поменял ", "изменил "], joint: " на "),
    ]

    /// What is "is" in the language of a name, and another word in others: "adgangskoden er x", "salasana on x", "hasło to x".
    private static let copulas: [(word: StaticString, names: [StaticString])] = [
        ("er", ["adgangskod", "passord", "kodeord"]), ("on", ["salasan", "parool"]), ("to", ["hasło", "haslo"]),
        ("ir", ["parole"]),
    ]

    /// Whether a word joins a name and its value in the name's language.
    func isCopula(_ word: Range<Int>, of name: Range<Int>) -> Bool {
        guard word.count == 2 else { return false }
        return Self.copulas.contains { copula in
            text.has(copula.word, at: word.lowerBound)
                && copula.names.contains { text.find($0, in: name) != nil }
        }
    }

    /// Whether the word in `range` is what the sentence says the password was changed to: it closes the clause, or a participle does.
    ///
    /// - Parameter name: where the sentence names the password.
    func isToldPassword(_ range: Range<Int>, _ profile: ByteProfile) -> Bool {
        guard profile.length >= 5, profile.length <= 24, profile.letters == profile.length, profile.upper <= 1,
            judge.commonWords.flags(text, range) == 0, judge.placeholders.flags(text, range) == 0,
            !judge.lexicon.isVocabulary(text, range), Self.statesAndOrders.flags(text, range) == 0
        else { return false }
        let line = text.lineStart(before: range.lowerBound, limit: 120)..<range.lowerBound
        return Self.tellings.contains { telling in
            guard text.has(telling.joint, at: range.lowerBound - telling.joint.utf8CodeUnitCount),
                telling.verbs.contains(where: { text.find($0, in: line) != nil })
            else { return false }
            if telling.participles.isEmpty { return endsSentence(range.upperBound) }
            return telling.participles.contains { text.has($0, at: range.upperBound) }
        }
    }

    private func endsSentence(_ end: Int) -> Bool {
        let next = text[end]
        if next.isOne(of: "\0\n\r\",;!)`*") || text.isLineEscape(at: end) { return true }
        return next == 46 && !text[end + 1].isWord
    }

    /// What else passwords are changed to: a state, or what the sentence goes on with.
    private static let statesAndOrders = WordTable(
        """
        something anything nothing whatever default defaults never always empty blank null none true false required optional
        enabled disabled hidden visible encrypted hashed plain plaintext random expire expired access continue proceed match
        login logout avoid allow another other others stronger longer shorter better newer safer secure this that these those
        yours mine ours theirs standard normal unknown nichts leer etwas algo nada otra otro quelque autre altro altra iets
        anders inny innego annat andet
        """
        .split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })
}
