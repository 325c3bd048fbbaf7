/// Lines of routers' and switches' configurations, where a secret follows a word and often a digit for how it is written:
/// `snmp-server community x RW`, `username kim secret 5 x`, `radius-server host 10.0.0.1 key x`, `key-string 7 x`.
extension DetectionPass {
    static let deviceAnchors = [
        "snmp-server community", "snmp-server user", "radius-server ", "tacacs-server ", "isakmp key ", "ikev2 ",
        "message-digest-key ", "key-string ", "pre-shared-key ", "wpa-psk ", "ppp chap ", "ppp pap ", " password 0 ",
        " password 7 ", " secret 0 ", " secret 4 ", " secret 5 ", " secret 8 ", " secret 9 ", " key 0 ", " key 6 ",
        " key 7 ", " md5 7 ", "rocommunity ", "rwcommunity ", "com2sec ", "ascii-text ", "authentication-key ",
        "privilege 15 ",
    ]

    private static let leads: [StaticString] = [
        "community", "key", "secret", "password", "md5", "key-string", "psk", "wpa-psk", "pre-shared-key", "ascii-text",
        "rocommunity", "rwcommunity", "authentication-key", "auth", "priv",
    ]

    private static let fillers: [StaticString] = [
        "0", "4", "5", "6", "7", "8", "9", "ascii", "hex", "local", "remote", "encrypted", "clear", "plain", "cipher",
        "simple", "md5", "sha", "sha256", "aes", "des", "3des", "128", "192", "256", "ascii-text", "level",
    ]

    func deviceLineHit(_ start: Int, _ end: Int) {
        guard start >= deviceEnd, !text[start - 1].isWord || text[start] == 32 else { return }
        let lineEnd = text.lineEnd(from: end, limit: 300)
        deviceEnd = lineEnd
        var index = text.skipBlanks(start)
        var awaits = false
        var words = 0
        // `com2sec name source community`: the last of them.
        if text.has("com2sec", at: index) {
            deviceSecret(lastWord(before: lineEnd))
            return
        }
        while index < lineEnd, words < 24 {
            index = text.skipBlanks(index)
            let first = index
            while index < lineEnd, !text[index].isSpace { index += 1 }
            guard index > first else { return }
            let word = first..<index
            words += 1
            if awaits, !isOne(of: Self.fillers, word) {
                awaits = false
                guard !isOne(of: Self.leads, word) else {
                    awaits = true
                    continue
                }
                deviceSecret(word)
            } else if isOne(of: Self.leads, word) {
                awaits = true
            }
        }
    }

    private func isOne(of list: [StaticString], _ word: Range<Int>) -> Bool {
        list.contains { word.count == $0.utf8CodeUnitCount && text.has($0, at: word.lowerBound) }
    }

    private func lastWord(before end: Int) -> Range<Int> {
        var last = end
        while last > 0, text[last - 1].isSpace { last -= 1 }
        var first = last
        while first > 0, !text[first - 1].isSpace { first -= 1 }
        return first..<last
    }

    private func deviceSecret(_ word: Range<Int>) {
        guard var value = text.readValue(at: word.lowerBound, context: .word) else { return }
        if !value.isQuoted { value = FoundValue(range: value.range, quote: 34, end: value.end) }
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 4, text.first(58, in: value.range) == nil || profile.digits > 0,
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("device-secret", value.range)
    }
}
