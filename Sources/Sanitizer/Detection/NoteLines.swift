/// Short lines of notes about something that one logs in to, which hold a password and say no word of it: `Router: admin x`,
/// `LUKS: x`, `iDRAC root x`, `- kim / x (Nextcloud)`.
extension DetectionPass {
    static let topics = [
        "router", "fritz", "synology", "qnap", "luks", "bios", "sudo", "root", "admin", "login", "paypal", "amazon",
        "netflix",
        "icloud", "apple id", "steam", "grafana", "portainer", "nextcloud", "proxmox", "ipmi", "idrac", "jellyfin",
        "immich",
        "bitwarden", "keepass", "1password", "windows", "printer", "drucker", "kamera", "konto", "account", "wlan",
        "wifi", "wi-fi",
        "zugang", "gitea", "paperless", "home assistant", "homeassistant", "pihole", "pi-hole", "spotify", "webmail",
        "mailbox",
        "postgres", "mysql", "mariadb", "mqtt", "ssh ", "vpn", "smb", "nas:", "nas ", " nas", "ftp", "vps", "disney",
        "unifi",
        "hotspot", "modem", "repeater", "switch", "firewall", "opnsense", "pfsense", "esxi", "vcenter", "plex", "ebay",
        "zoom",
    ]

    /// What has a password and little else that such a note would say of it.
    private static let strongTopics: [StaticString] = [
        "luks", "bios", "sudo", "wifi", "wlan", "wi-fi", "root", "login", "zugang", "master", "ssh", "admin", "fritz",
    ]

    /// The line around a topic, read once.
    func noteHit(_ start: Int, _ end: Int) {
        // A path is no note.
        guard !name.isEmpty, start >= noteEnd, !text[start - 1].isWord || text[start - 2] == 92,
            !text[end].isLetter && !text[end].isDigit || text[end - 1] == 32 || text.has("fritz", at: start)
                || (text[end] == 115 && !text[end + 1].isLetter)
        else { return }
        switch syntax {
        case .markdown, .plain, .json: break
        default: return
        }
        let lineEnd = text.lineEnd(from: start, limit: 100)
        let lineStart = text.lineStart(before: start, limit: 100)
        guard lineEnd - start < 100, start - lineStart < 100 else {
            noteEnd = min(lineEnd, start + 60)
            return
        }
        noteEnd = lineEnd
        var line = lineStart..<lineEnd
        // A string of JSON that holds the note.
        if let open = (line.lowerBound..<start).last(where: { text[$0] == 34 }) { line = open + 1..<line.upperBound }
        if let close = text.first(34, in: start..<line.upperBound) {
            line = line.lowerBound..<(text[close - 1] == 92 ? close - 1 : close)
        }
        guard line.count >= 10, line.count <= 90, text.find("://", in: line) == nil else { return }
        noteWords(line)
    }

    private func noteWords(_ line: Range<Int>) {
        let isStrong = Self.strongTopics.contains { text.find($0, in: line) != nil }
        var index = line.lowerBound
        var words = 0
        var isSeparated = false
        var isApart = false
        var candidate: Range<Int>?
        while index < line.upperBound {
            while index < line.upperBound, text[index].isBlank { index += 1 }
            let first = index
            while index < line.upperBound, !text[index].isBlank { index += 1 }
            guard first < index else { break }
            words += 1
            guard words <= 10, index - first <= 64 else { return }
            var word = bareWord(at: first, limit: index - first)
            while !word.isEmpty, text[word.lowerBound].isOne(of: "\"'(*`") {
                word = word.lowerBound + 1..<word.upperBound
            }
            let isLast = text.skipBlanks(index) >= line.upperBound || text[text.skipBlanks(index)] == 40
            if word.isEmpty {
                // `kim : x`
                isApart = words > 1
                isSeparated = isSeparated || words > 1
                continue
            }
            // `kim:x`, `ADMIN/x`
            let inner = word.dropFirst(2).first { text[$0] == 58 || text[$0] == 47 }
            if let inner, inner + 6 < word.upperBound, word.lowerBound..<inner == trimmedName(word.lowerBound..<inner),
                looksTyped(inner + 1..<word.upperBound, besideAccount: true)
            {
                candidate = inner + 1..<word.upperBound
                break
            }
            if words > 1,
                word.contains(where: { text[$0].isDigit })
                    || word.dropLast().contains(where: { text[$0].isOne(of: "!#$%&*?^") })
            {
                let hasMark = word.contains { text[$0].isOne(of: "!#$%&*?^") }
                if looksTyped(word, besideAccount: isLast && (isStrong || isApart))
                    && (hasMark || isSeparated || isStrong)
                    && (isLast || isSeparated || isStrong),
                    !isModel(word) || (isSecretTopic(line) && isSeparated && isLast)
                {
                    candidate = word
                    break
                }
            }
            isSeparated =
                text[index - 1].isOne(of: ":=,/") || text.first(64, in: word) != nil
                || (isSeparated && word.count == 1)
        }
        if let candidate { add("login-pair", candidate) }
    }

    /// What no host or model is named in.
    private func isSecretTopic(_ line: Range<Int>) -> Bool {
        ["wifi", "wi-fi", "wlan", "luks", "bios", "sudo"].contains { (word: StaticString) in
            text.find(word, in: line) != nil
        }
    }

    private func trimmedName(_ range: Range<Int>) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, text[end].isName || text[end] == 64 { end += 1 }
        return range.lowerBound..<end
    }

    /// `DS920+`, `FRITZ!Box`, `debian-server01`: names of things.
    private func isModel(_ range: Range<Int>) -> Bool {
        if text.has("fritz!", at: range.lowerBound) { return true }
        let profile = ByteProfile(text, range)
        if profile.lower == 0, profile.length < 10 { return true }
        return profile.upper == 0
            && range.allSatisfy { text[$0].isLower || text[$0].isDigit || text[$0] == 45 || text[$0] == 46 }
    }

    /// "x ist das Passwort für den NAS", "x - router password", "x (wifi password)": the first word of the line, named after it.
    func namedAfter(_ range: Range<Int>, _ name: KeyName) -> Bool {
        guard name.kind == .password, name.level == .strong, !syntax.isCode, syntax != .table, syntax != .log else {
            return false
        }
        var start = text.lineStart(before: range.lowerBound, limit: 100)
        if let quote = (start..<range.lowerBound).last(where: {
            text[$0] == 34 && text[$0 - 1] == 58 || text[$0] == 34 && text[$0 - 1] == 32 && text[$0 - 2] == 58
        }) {
            start = quote + 1
        }
        guard range.lowerBound - start < 100 else { return false }
        while text[start].isOne(of: " \t-*\"'`>"), start < range.lowerBound { start += 1 }
        let word = bareWord(at: start)
        guard !word.isEmpty, word.upperBound < range.lowerBound else { return false }
        var joint = word.upperBound
        while text[joint].isOne(of: "\"'`*") { joint += 1 }
        let isJoined = [
            " is the ", " is my ", " is our ", " is a ", " is their ", " ist das ", " ist mein ", " ist unser ",
            " est le ",
            " es la ", " es mi ", " é a ", " è la ", " - ", " (", " = ", " – ", " — ", " ← ", " is for the ",
            " is what ", " for the ", ", the ",
            ", das ", " as ", " als ", " to je ", " to ", " is de ", " is het ", " är ",
        ].contains { (words: StaticString) in text.has(words, at: joint) }
        guard isJoined, range.lowerBound - joint < 40, looksTyped(word, besideAccount: true), !isModel(word) else {
            return false
        }
        add("prose-secret", word)
        return true
    }
}
