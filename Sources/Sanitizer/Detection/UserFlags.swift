/// `-u kim -p x`: whatever the command, an account's option beside it makes `-p` a password's.
extension DetectionPass {
    func shortPasswordFlagHit(_ start: Int, _ end: Int) {
        let word = bareWord(at: text.skipBlanks(end))
        guard let first = word.first, text[first] != 45 else { return }
        let value = text[first].isQuote ? text.readValue(at: first) : FoundValue(range: word, end: word.upperBound)
        guard let value, !value.range.isEmpty else { return }
        let profile = ByteProfile(text, value.range)
        // Ports, paths and files are what `-p` takes elsewhere.
        guard profile.length >= 6, profile.letters > 0,
            profile.digits > 0 || looksTyped(value.range, besideAccount: true),
            text.first(47, in: value.range) == nil, text.first(58, in: value.range) == nil
        else { return }
        let line =
            text.lineStart(before: start, limit: 120)..<min(text.lineEnd(from: value.end, limit: 60), value.end + 60)
        guard
            [" -u ", " --user ", " -U ", " --username ", " --login ", " -l ", " --user=", " --username="].contains(
                where: { (flag: StaticString) in text.find(flag, in: line) != nil })
        else { return }
        typedSecret(value, rule: "command-line")
    }
}
