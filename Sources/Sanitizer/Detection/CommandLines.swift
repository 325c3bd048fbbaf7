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
            guard let cut = text.first(separator, in: value.range) else { return false }
            if cut + 1 == value.range.upperBound, form == .afterColon {
                // `curl -u x:`: a token as the user, and no password.
                let user = value.range.lowerBound..<cut
                let profile = ByteProfile(text, user)
                if profile.length >= 16, !judge.isNeverSecret(text, user), !judge.isSlug(text, user),
                    judge.isToken(text, user, profile, allowHex: true)
                {
                    add("command-line", user)
                }
                return false
            }
            guard cut + 1 < value.range.upperBound else { return false }
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
            rest >= end || text[rest].isOne(of: ";&|)\"'`")
                || (text[rest] == 45 && text[rest + 1] == 45)
        else { return }
        let profile = ByteProfile(text, value.range)
        guard profile.digits > 0 || profile.looksRandom || (value.isQuoted && command.namesQuoted),
            judge.isSecret(text, value, name: KeyName(kind: .password, level: .strong), isCode: false)
        else { return }
        add("command-line", value.range)
    }
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
