/// Secrets that a shell writes into a program or a file: `echo x | sudo -S …`, `printf x | docker login --password-stdin`,
/// `echo x > ~/.vault_pass`, `gh auth login --with-token <<< x`.
extension DetectionPass {
    private static let readers: [StaticString] = [
        "password-stdin", "sudo -s", "sudo --stdin", "chpasswd", "--with-token", "passphrase-fd", "kinit", "smbpasswd",
        "cryptsetup", "pass insert", "secret-tool", "passwd --stdin", "passwd", "base64", "openssl passwd", "--stdin",
        "auth login", "openssl", "wg pubkey", "wg set", "wg genpsk", "su -", "keepassxc-cli", "chage", "pinentry",
        "htpasswd",
        "mosquitto_passwd", "secret create", "secrets create", "secret set", "secret put", "secrets set", "kdbx",
        "vncpasswd",
        "resetpassword", "gpg ", "mount", "sops", "age ", "vault login", "keyctl", "systemd-creds",
        "security add-generic", "op signin", "bw unlock",
    ]

    /// `echo ` or `printf ` stands before `end`.
    func echoHit(_ start: Int, _ end: Int) {
        guard !text[start - 1].isWord else { return }
        var position = text.skipBlanks(end)
        while text[position] == 45, text[position + 1].isLetter {
            while position < text.count, !text[position].isSpace { position += 1 }
            position = text.skipBlanks(position)
        }
        if text.has("printf", at: start), text[position].isQuote, text[position + 1] == 37,
            let format = text.readValue(at: position), format.isQuoted
        {
            position = text.skipBlanks(format.end)
        }
        guard var value = text.readValue(at: position, context: .word) else { return }
        if !value.isQuoted, let bar = text.first(124, in: value.range), bar > value.range.lowerBound {
            // `printf x|docker secret create …`
            value = FoundValue(range: value.range.lowerBound..<bar, end: bar)
        }
        if isPrintedByHelper(before: start) {
            typedSecret(value, rule: "piped-secret")
            return
        }
        var after = text.skipBlanks(value.end)
        if value.isQuoted, text[after].isQuote, let again = text.readValue(at: after), again.isQuoted {
            // `printf '%s\n%s\n' "x" "x"`
            after = text.skipBlanks(again.end)
            if text[after] == 124 { typedSecret(again, rule: "piped-secret") }
        }
        if text[after] == 124, text[after + 1] != 124 {
            let stop = text.lineEnd(from: after, limit: 80)
            for reader in Self.readers {
                guard let place = text.find(reader, in: after..<stop), place >= 0 else { continue }
                addPiped(value, onlyPair: text.has("base64", at: place) || text.has("chpasswd", at: place))
                return
            }
        } else if text[after] == 62 {
            var from = after
            while text[from] == 62 || text[from].isBlank || text[from].isQuote { from += 1 }
            var to = from
            while to < text.count, to - from < 200, !text[to].isSpace, !text[to].isQuote, text[to] != 59, text[to] != 92
            {
                to += 1
            }
            var file = to
            while file > from, text[file - 1] != 47 { file -= 1 }
            guard file < to else { return }
            if readName(file..<to).level >= .medium { typedSecret(value, rule: "piped-secret") }
        } else if text[after] == 41, text.find("cryptsetup", in: max(0, start - 120)..<start) != nil {
            addPiped(value, onlyPair: false)
        }
    }

    /// `passwordeval "echo x"`, `encryption_passcommand: echo x`.
    private func isPrintedByHelper(before start: Int) -> Bool {
        let line = text.lineStart(before: start, limit: 60)..<start
        return [
            "passcmd", "passcommand", "password_command", "passwordcommand", "password-command", "passwordeval",
            "pass_cmd", "passwordcmd", "askpass",
        ]
        .contains { (word: StaticString) in text.find(word, in: line) != nil }
    }

    static let printers = [
        "pass show ", "secret-tool lookup ", "bw get password ", "op read ", "find-generic-password ", "gopass show ",
        "rbw get ", "initial-password", "initial-admin-password", "initialadminpassword", "get-password",
        "reset-password ", "kv get -field", "find-internet-password ", "get secret", "get-secret-value",
        "secrets versions access", "keyvault secret show", "vault read ", "config:get ", "openssl rand", "pwgen",
        "/dev/urandom", "keepassxc-cli show", "lpass show", "wg genkey", "wg genpsk", "token create",
        "print-access-token", "auth:token", "whoami -t", "join-token", "node-token", "secrets get ",
        "get-login-password", "get-parameter", "token_urlsafe(", "token_hex(", "randombytes(", "apg -", "gpg -d ",
        "gpg --decrypt ", "age -d ", "age --decrypt ", "sops -d ", "sops --decrypt ",
        "rails secret", "key:generate", "phx.gen.secret", "get_random_secret", "crypto rand", "/run/secrets/",
        ".vault-token", "bootstrap password", "makepasswd", "diceware",
    ]

    /// A command that prints a secret: the line after it is what it printed.
    func printerHit(_ start: Int, _ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 200)
        lonelyPassword(start..<end, lineEnd)
        if isPrompted(start) { printedValue(after: lineEnd) }
    }

    /// Whether a shell's prompt stands on the line: `$ `, `# `, `% `, `❯ `.
    func isPrompted(_ index: Int) -> Bool {
        let line = text.lineStart(before: index, limit: 200)
        let lead = text.skipBlanks(line)
        if text[lead].isOne(of: "#$%>"), text[lead + 1] == 32 { return text[lead] != 35 }
        if text.has("❯ ", at: lead) || text.has("➜ ", at: lead) { return true }
        // `kim@host:~$ `
        var mark = line
        while mark < index, text[mark] > 32 { mark += 1 }
        return text[mark] == 32 && text[mark - 1].isOne(of: "#$%>")
            && text.first(64, in: line..<mark) != nil
    }

    /// The line after a command that prints a secret, if it is one word; zsh marks a line without an end by `%`.
    func printedValue(after lineEnd: Int) {
        let first = text.skipBlanks(text.nextLine(after: lineEnd))
        var last = first
        while text[last] > 32, text[last] != 34, !text.isLineEscape(at: last), last - first < 200 { last += 1 }
        guard text.skipBlanks(last) >= text.lineEnd(from: last, limit: 4) || text[last] == 34 else { return }
        if text[last - 1] == 37 { last -= 1 }
        let profile = ByteProfile(text, first..<last)
        guard profile.length >= 8, !judge.isNeverSecret(text, first..<last), !judge.isSlug(text, first..<last),
            looksTyped(first..<last, besideAccount: true)
                || judge.isToken(text, first..<last, profile, allowHex: true)
                || judge.isSecretDespiteItsShape(text, first..<last, profile)
        else { return }
        add("piped-secret", first..<last)
    }

    /// `<<< x` after a command that reads a secret.
    func hereStringHit(_ start: Int, _ end: Int) {
        let line = max(text.lineStart(before: start, limit: 160), 0)..<start
        guard Self.readers.contains(where: { text.find($0, in: line) != nil }),
            let value = text.readValue(at: end, context: .word)
        else { return }
        addPiped(value, onlyPair: text.find("chpasswd", in: line) != nil || text.find("base64", in: line) != nil)
    }

    /// `user:x` counts from the colon on.
    private func addPiped(_ value: FoundValue, onlyPair: Bool) {
        guard onlyPair else {
            // One word, or words joined by hyphens: `echo -n apfel-birne-kirsche | cryptsetup …`.
            typedSecret(value, rule: "piped-secret", allowWords: value.isQuoted && value.range.count >= 8)
            return
        }
        guard let colon = text.first(58, in: value.range), colon + 1 < value.range.upperBound, text[colon + 1] != 47,
            value.range.allSatisfy({ !text[$0].isSpace && !text[$0].isOne(of: "\"<>{}") })
        else { return }
        typedSecret(
            FoundValue(range: colon + 1..<value.range.upperBound, quote: 34, end: value.end), rule: "piped-secret")
    }
}
