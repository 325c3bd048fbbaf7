/// Secrets among the arguments of commands whose options do not name them: `curl -u user:password`, `mysql -pX`, `sshpass -p X`.
extension DetectionPass {
    /// A command's name stands at `start..<end`; its options follow on the same line, or on lines joined by a backslash.
    func commandFlagHit(_ start: Int, _ end: Int) {
        guard !text[start - 1].isWord, text[start - 1] != 45,
            text[end].isSpace || text[end] == 46 || text[end] == 92 || text[end].isQuote
        else { return }
        if text[end].isQuote {
            argumentList(start, end)
            return
        }
        guard
            let command = CommandOption.all.first(where: {
                $0.command.utf8CodeUnitCount == end - start && text.has($0.command, at: start)
            })
        else { return }
        // `aws configure set name x`; others configure things.
        if text.has("configure", at: start), !text.has("aws ", at: start - 4) { return }
        var index = end
        let limit = min(text.count, end + 1500)
        var words = 0
        var account: Range<Int>?
        while index < limit, words < 60 {
            index = skipToWord(index)
            guard index < limit, !endsCommand(index) else { return }
            words += 1
            let wordStart = index
            if command.namesAccount, text[wordStart] == 45, lowered(text[wordStart + 1]) == 117,
                let space = (wordStart + 2..<wordStart + 12).first(where: { text[$0].isSpace }),
                let value = text.readValue(at: skipToWord(space), context: .word)
            {
                account = value.range
            }
            var isConsumed = false
            for option in command.options where matches(option.flag, at: wordStart, glued: option.isGlued) {
                var position = wordStart + option.flag.utf8CodeUnitCount
                if !option.isGlued {
                    position = skipToWord(position)
                } else if text[position].isSpace || text[position] == 61 {
                    continue
                }
                if text[position] == 61 { position += 1 }
                guard let value = text.readValue(at: position, context: .word) else { continue }
                if commandSecret(value, option.form), let account { addAccount(account) }
                index = value.isQuoted ? max(index, value.end) : max(index, value.end - 1)
                isConsumed = isConsumed || value.isQuoted
            }
            if isConsumed { continue }
            if command.pairPositional, text[wordStart] != 45 {
                if pairAfter(wordStart, needsEnd: false) {
                    let last = bareWord(at: lastStart(before: text.lineEnd(from: wordStart, limit: 300)))
                    if looksTyped(last) { add("command-line", last) }
                    return
                }
                if words > 1 { return }
            }
            if command.takesPositional, text[wordStart] != 45 { positional(wordStart, command) }
            if text.quoteDepth(at: index) != nil, let value = text.readValue(at: index), value.isQuoted {
                index = value.end
            }
            while index < limit, !text[index].isSpace, !(text[index] == 92 && text.isLineEscape(at: index)) {
                index += 1
            }
        }
    }

    /// Commands whose arguments are looked through as a list of strings too: `['sshpass', '-p', 'x', 'ssh', 'host']`.
    static let listedCommands = [
        "mysqladmin", "mariadb-admin", "mariadb", "mongosh", "sqlcmd", "htpasswd", "openssl", "lftp", "zip", "7z",
        "sshpass", "mysql", "mysqldump", "curl", "redis-cli", "smbclient", "ldapsearch",
    ]

    private func argumentList(_ start: Int, _ end: Int) {
        guard
            let command = CommandOption.all.first(where: {
                $0.command.utf8CodeUnitCount == end - start && text.has($0.command, at: start)
            })
        else { return }
        var index = end + 1
        let limit = min(text.count, end + 600)
        var awaited: CommandOption.Form?
        while index < limit {
            index = text.skipSpace(index)
            guard text[index] == 44 else { return }
            index = text.skipSpace(index + 1)
            guard text.quoteDepth(at: index) != nil, let item = text.readValue(at: index), item.isQuoted else { return }
            if let form = awaited {
                commandSecret(item, form)
                awaited = nil
            } else {
                for option in command.options where matches(option.flag, at: item.range.lowerBound, glued: true) {
                    let length = option.flag.utf8CodeUnitCount
                    if item.range.count == length {
                        awaited = option.isGlued ? nil : option.form
                    } else if option.isGlued {
                        let glued = (item.range.lowerBound + length)..<item.range.upperBound
                        commandSecret(FoundValue(range: glued, quote: item.quote, end: item.end), option.form)
                    }
                    if awaited != nil { break }
                }
            }
            index = max(item.end, index + 1)
        }
    }

    private func lastStart(before end: Int) -> Int {
        var index = end
        while index > 0, !text[index - 1].isSpace { index -= 1 }
        return index
    }

    private func matches(_ flag: StaticString, at index: Int, glued: Bool) -> Bool {
        // Options of one letter tell cases apart.
        let length = flag.utf8CodeUnitCount
        guard index + length < text.count else { return false }
        for offset in 0..<length where text[index + offset] != flag.utf8Start[offset] { return false }
        return glued || text[index + length].isSpace || text[index + length] == 61 || text[index + length] == 92
    }

    /// The next word, over `\` at a line's end.
    private func skipToWord(_ index: Int) -> Int {
        var position = index
        while position < text.count {
            if text[position].isBlank {
                position += 1
            } else if text[position] == 92 {
                var after = position
                while text[after] == 92 { after += 1 }
                if text[after] == 10 || text[after] == 13 {
                    position = after + 1
                } else if text[after] == 110, after - position >= 2, text[after + 1].isSpace || text[after + 1] == 45 {
                    position = after + 1
                } else {
                    return position
                }
            } else {
                return position
            }
        }
        return position
    }

    private func endsCommand(_ index: Int) -> Bool {
        let byte = text[index]
        return byte == 10 || byte == 13 || byte == 124 || byte == 59 || text.isLineEscape(at: index)
            || (byte == 38 && text[index + 1] == 38)
    }

    @discardableResult
    private func commandSecret(_ value: FoundValue, _ form: CommandOption.Form) -> Bool {
        let password = KeyName(kind: .password, level: .strong)
        switch form {
        case .whole:
            guard judge.isSecret(text, value, name: password, isCode: false) else { return false }
            add("command-line", value.range)
            return true
        case .afterColon, .afterComma, .afterPercent:
            let separator: UInt8 = form == .afterColon ? 58 : form == .afterComma ? 44 : 37
            guard let cut = text.first(separator, in: value.range), cut + 1 < value.range.upperBound
            else { return false }
            let part = FoundValue(range: (cut + 1)..<value.range.upperBound, quote: 34, end: value.end)
            if text[cut + 1] == 47, text[cut + 2] == 47 { return false }
            if judge.isSecret(text, part, name: password, isCode: false) { add("command-line", part.range) }
        case .afterPass:
            guard text.has("pass:", at: value.range.lowerBound) else { return false }
            let part = FoundValue(
                range: (value.range.lowerBound + 5)..<value.range.upperBound, quote: 34, end: value.end)
            if !part.range.isEmpty, judge.isSecret(text, part, name: password, isCode: false) {
                add("command-line", part.range)
            }
        }
        return false
    }

    /// A secret that stands at a place of its own: `htpasswd -b file user X`, `aws configure set name X`, `mysqladmin … password X`.
    private func positional(_ index: Int, _ command: CommandOption) {
        if command.slashPositional {
            guard let value = text.readValue(at: index, context: .word),
                let slash = text.first(47, in: value.range), slash > value.range.lowerBound
            else { return }
            let end = text.first(64, in: slash..<value.range.upperBound) ?? value.range.upperBound
            let part = FoundValue(range: (slash + 1)..<max(slash + 1, end), quote: 34, end: value.end)
            if judge.isSecret(text, part, name: KeyName(kind: .password, level: .strong), isCode: false) {
                add("command-line", part.range)
            }
            return
        }
        guard command.lastPositional else { return }
        let end = text.lineEnd(from: index, limit: 300)
        guard let value = text.readValue(at: index, context: .word),
            case let rest = text.skipBlanks(value.end),
            rest >= end || [59, 38, 124, 41, 34, 39, 96].contains(text[rest])
                || (text[rest] == 45 && text[rest + 1] == 45)
        else { return }
        let profile = ByteProfile(text, value.range)
        guard profile.digits > 0 || profile.looksRandom,
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("command-line", value.range)
    }
}

/// Which options of a command take a secret, and in what form.
struct CommandOption: Sendable {
    enum Form: Sendable { case whole, afterColon, afterComma, afterPercent, afterPass }

    let command: StaticString
    let options: [(flag: StaticString, form: Form, isGlued: Bool)]
    var takesPositional = false
    var lastPositional = false
    /// A word `user/password@database` among its arguments.
    var slashPositional = false
    /// An account and its password, one after the other.
    var pairPositional = false
    /// `-u` or `-User` names the account, and goes with the password.
    var namesAccount = false

    static let all: [CommandOption] = [
        CommandOption(
            command: "curl",
            options: [
                ("-u", .afterColon, false), ("--user", .afterColon, false), ("-U", .afterColon, false),
                ("--proxy-user", .afterColon, false), ("--pass", .whole, false), ("-u", .afterColon, true),
                ("--cert", .afterColon, false), ("-E", .afterColon, false),
            ]),
        CommandOption(command: "wget", options: [("--http-user", .afterColon, false)]),
        CommandOption(command: "http", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "https", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "xh", options: [("-a", .afterColon, false)]),
        CommandOption(command: "mysql", options: [("-p", .whole, true)]),
        CommandOption(command: "mysqldump", options: [("-p", .whole, true)]),
        CommandOption(command: "mysqladmin", options: [("-p", .whole, true)]),
        CommandOption(command: "mariadb", options: [("-p", .whole, true)]),
        CommandOption(command: "mariadb-dump", options: [("-p", .whole, true)]),
        CommandOption(command: "mongo", options: [("-p", .whole, false)]),
        CommandOption(command: "mongosh", options: [("-p", .whole, false)]),
        CommandOption(command: "mongodump", options: [("-p", .whole, false)]),
        CommandOption(command: "sshpass", options: [("-p", .whole, false), ("-p", .whole, true)]),
        CommandOption(command: "login", options: [("-p", .whole, false), ("-u", .afterColon, false)]),
        CommandOption(
            command: "redis-cli",
            options: [("-a", .whole, false), ("--pass", .whole, false), ("-u", .afterColon, false)]),
        CommandOption(
            command: "openssl",
            options: [
                ("-passin", .afterPass, false), ("-passout", .afterPass, false), ("-pass", .afterPass, false),
                ("-k", .whole, false), ("-passwd", .whole, false), ("-srppass", .whole, false),
            ]),
        CommandOption(command: "htpasswd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "ldapsearch", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapmodify", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapadd", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapwhoami", options: [("-w", .whole, false)]),
        CommandOption(command: "smbclient", options: [("-U", .afterPercent, false), ("--user", .afterPercent, false)]),
        CommandOption(command: "rpcclient", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "net", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "az", options: [("-p", .whole, false)]),
        CommandOption(command: "zip", options: [("-P", .whole, false)]),
        CommandOption(command: "unzip", options: [("-P", .whole, false)]),
        CommandOption(command: "7z", options: [("-p", .whole, true)]),
        CommandOption(command: "7za", options: [("-p", .whole, true)]),
        CommandOption(command: "unrar", options: [("-p", .whole, true)]),
        CommandOption(command: "rar", options: [("-p", .whole, true), ("-hp", .whole, true)]),
        CommandOption(command: "psexec", options: [("-p", .whole, false)], namesAccount: true),
        CommandOption(command: "psexec.exe", options: [("-p", .whole, false)], namesAccount: true),
        CommandOption(
            command: "connect-viserver", options: [("-Password", .whole, false), ("-password", .whole, false)],
            namesAccount: true),
        CommandOption(command: "sqlcmd", options: [("-P", .whole, false)]),
        CommandOption(command: "bcp", options: [("-P", .whole, false)]),
        CommandOption(command: "impacket", options: [("-p", .whole, false)]),
        CommandOption(command: "crackmapexec", options: [("-p", .whole, false)]),
        CommandOption(command: "evil-winrm", options: [("-p", .whole, false)]),
        CommandOption(command: "hydra", options: [("-p", .whole, false)]),
        CommandOption(command: "xfreerdp", options: [("/p:", .whole, true)]),
        CommandOption(command: "rdesktop", options: [("-p", .whole, false)]),
        CommandOption(command: "ipmitool", options: [("-P", .whole, false)]),
        CommandOption(
            command: "snmpwalk", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpget", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpset", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpbulkwalk", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(command: "ssh-keygen", options: [("-N", .whole, false), ("-P", .whole, false)]),
        CommandOption(command: "oathtool", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "ncftpput", options: [("-p", .whole, false)]),
        CommandOption(command: "ncftpget", options: [("-p", .whole, false)]),
        CommandOption(command: "sqlplus", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "expdp", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "impdp", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "sqlldr", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "rman", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "mosquitto_pub", options: [("-P", .whole, false)]),
        CommandOption(command: "mosquitto_sub", options: [("-P", .whole, false)]),
        CommandOption(command: "keytool", options: [("-storepass", .whole, false), ("-keypass", .whole, false)]),
        CommandOption(command: "lftp", options: [("-u", .afterComma, false)]),
        CommandOption(
            command: "nmcli",
            options: [
                ("password", .whole, false), ("wifi-sec.psk", .whole, false),
                ("802-11-wireless-security.psk", .whole, false),
            ]),
        CommandOption(command: "gpg", options: [("--passphrase", .whole, false)]),
        CommandOption(command: "wpa_passphrase", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "configure", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "user-add", options: [("-p", .whole, false)]),
        CommandOption(command: "useradd", options: [("-p", .whole, false)]),
        CommandOption(command: "usermod", options: [("-p", .whole, false)]),
        CommandOption(command: "twine", options: [("-p", .whole, false)]),
        CommandOption(command: "poetry", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "gem", options: [("-k", .whole, false)]),
        CommandOption(command: "rabbitmqctl", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "rabbitmqadmin", options: [("-p", .whole, false)]),
        CommandOption(command: "influx", options: [("-t", .whole, false)]),
        CommandOption(
            command: "schtasks",
            options: [("/rp", .whole, false), ("/p", .whole, false), ("/RP", .whole, false), ("/P", .whole, false)]),
        CommandOption(command: "mosquitto_passwd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "openssl passwd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "bw unlock", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "operator unseal", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "set-agent-token", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "user:password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "pihole setpassword", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "pihole", options: [("-p", .whole, false)]),
        CommandOption(command: "mkpasswd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "alias set", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "reset-admin-password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "config-set", options: [("-p", .whole, false)]),
        CommandOption(command: "radtest", options: [], pairPositional: true),
        CommandOption(command: "bw login", options: [], pairPositional: true),
        CommandOption(command: "bundle config", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "vmrun", options: [("-gp", .whole, false), ("-vp", .whole, false)]),
        CommandOption(command: "swaks", options: [("-ap", .whole, false), ("--auth-password", .whole, false)]),
        CommandOption(command: "sendemail", options: [("-xp", .whole, false)]),
        CommandOption(command: "set-user-password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "ejabberdctl register", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "prosodyctl register", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "rclone obscure", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "signtool", options: [("/p", .whole, false)]),
        CommandOption(command: "qpdf", options: [("--encrypt", .whole, false)]),
        CommandOption(command: "user:resetpassword", options: [], pairPositional: true),
        CommandOption(command: "ab", options: [("-A", .afterColon, false), ("-P", .afterColon, false)]),
        CommandOption(
            command: "transmission-remote", options: [("-n", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "httpie", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(
            command: "skopeo",
            options: [
                ("--creds", .afterColon, false), ("--src-creds", .afterColon, false),
                ("--dest-creds", .afterColon, false),
            ]),
        CommandOption(command: "pdftotext", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "pdftoppm", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "pdfimages", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "add-generic-password", options: [("-w", .whole, false)]),
        CommandOption(command: "add-internet-password", options: [("-w", .whole, false)]),
        CommandOption(command: "yt-dlp", options: [("-p", .whole, false), ("--video-password", .whole, false)]),
        CommandOption(command: "youtube-dl", options: [("-p", .whole, false)]),
        CommandOption(
            command: "ldappasswd", options: [("-w", .whole, false), ("-s", .whole, false), ("-a", .whole, false)]),
        CommandOption(command: "ldapdelete", options: [("-w", .whole, false)]),
        CommandOption(command: "kinit", options: [("--password", .whole, false)]),
        CommandOption(command: "vncviewer", options: [("-passwd", .whole, false)]),
        CommandOption(command: "x11vnc", options: [("-passwd", .whole, false)]),
        CommandOption(command: "sqlite3", options: [("-key", .whole, false)]),
        CommandOption(command: "wrk", options: [("-u", .afterColon, false)]),
        CommandOption(command: "siege", options: [("-u", .afterColon, false)]),
        CommandOption(command: "rsync", options: [("--password", .whole, false)]),
        CommandOption(command: "sftp", options: [("-pw", .whole, false)]),
        CommandOption(command: "plink", options: [("-pw", .whole, false)]),
        CommandOption(command: "pscp", options: [("-pw", .whole, false)]),
        CommandOption(command: "putty", options: [("-pw", .whole, false)]),
        CommandOption(command: "winexe", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "smbmap", options: [("-p", .whole, false)]),
        CommandOption(command: "smbget", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "mount.cifs", options: [("-p", .whole, false)]),
        CommandOption(command: "clickhouse-client", options: [("--password", .whole, false)]),
        CommandOption(command: "isql-fb", options: [("-p", .whole, false)]),
        CommandOption(command: "db2 connect", options: [("using", .whole, false)]),
        CommandOption(
            command: "snmptrap", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpgetnext", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmptable", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(command: "gh secret", options: [("--body", .whole, false), ("-b", .whole, false)]),
        CommandOption(command: "nuget", options: [("-apikey", .whole, false), ("-ApiKey", .whole, false)]),
        CommandOption(command: "jarsigner", options: [("-storepass", .whole, false), ("-keypass", .whole, false)]),
        CommandOption(
            command: "apksigner", options: [("--ks-pass", .afterPass, false), ("--key-pass", .afterPass, false)]),
        CommandOption(command: "security unlock-keychain", options: [("-p", .whole, false)]),
        CommandOption(command: "create-keychain", options: [("-p", .whole, false)]),
        CommandOption(command: "set-keychain-password", options: [("-o", .whole, false), ("-p", .whole, false)]),
        CommandOption(command: "pkcs12", options: [("-password", .whole, false)]),
        CommandOption(command: "step", options: [("--password", .whole, false)]),
        CommandOption(command: "wpa_cli", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "kubeadm", options: [("--token", .whole, false)]),
    ]
}

extension DetectionPass {
    /// `- --token` of a list of arguments in YAML: the next item is the value.
    func listedValue(_ range: Range<Int>, after position: Int) {
        let lead = text.skipBlanks(text.lineStart(before: range.lowerBound, limit: 80))
        guard text[lead] == 45, text[lead + 1] == 32 else { return }
        let next = text.skipBlanks(text.nextLine(after: position))
        guard text[next] == 45, text[next + 1] == 32, let value = text.readValue(at: text.skipBlanks(next + 2)),
            text[value.range.lowerBound] != 45
        else { return }
        let name = weigh(range)
        if name.level > .none, judge.isSecret(text, value, name: name, isCode: false, nameRange: range) {
            add(Self.ruleID(name), value.range)
        }
    }
}
