/// Secrets that programs and sessions of protocols hand over by place, without naming them: `smtp.login("kim", "x")`,
/// `auth=("kim", "x")`, `INSERT INTO users (name, password) VALUES ('kim', 'x')`, `a1 LOGIN kim x`, `/msg NickServ IDENTIFY x`.
extension DetectionPass {
    /// Calls and which of their arguments is the secret, counted from 0.
    static let loginCalls: [(anchor: String, argument: Int)] = [
        (".login(", 1), (">login(", 1), ("sequelize(", 2), ("basicauth(", 1), ("basic_auth(", 1), ("auth=(", 1),
        ("auth = (", 1), (".auth(", 1),
        ("getconnection(", 2), ("dbi->connect(", 2), ("new pdo(", 2), ("mysqli(", 2), ("mysqli_connect(", 2),
        ("jwt.sign(", 1),
        ("jwt.verify(", 1), ("jwt.encode(", 1), ("jwt.decode(", 1), ("createhmac(", 1), ("hmac.new(", 0),
        ("ftp(", 2), (".authenticate(", 1),
        ("basic_auth '", 1), ("basic_auth \"", 1), (".connect(", 2), (":connect(", 2), (">connect(", 2),
        ("directoryentry(", 2), ("::basic(", 1), (".basic(", 1), ("create_user(", 2), ("create_superuser(", 2),
        ("createuser(", 1), ("make_password(", 0),
        ("ftp_login(", 2), (" login(", 1), ("\nlogin(", 1), ("username_pw_set(", 1), ("usernamepwset(", 1),
        ("wifi.begin(", 1),
        ("sta.connect(", 1), ("sta_if.connect(", 1),
        ("wlan.connect(", 1), ("nic.connect(", 1), ("wifi.connect(", 1), ("radio.connect(", 1), ("setcredentials(", 1),
        ("set_credentials(", 1), ("setlogin(", 1), ("httpbasicauth(", 1), ("httpproxyauth(", 1), ("crypt.crypt(", 0),
        (" crypt(", 0), ("signin(", 1), ("sign_in(", 1), ("signinwithemailandpassword(", 2), ("loginwith(", 1),
        ("usernamepasswordcredential(", 1), ("plaintextauthprovider(", 1), ("plainauthprovider(", 1),
        ("passwordcredentials(", 1), ("userpassauthenticator(", 1), ("sqlalchemy.url.create(", 2),
        ("addcredentials(", 1),
        ("simple_bind_s(", 1), ("simple_bind(", 1), ("client.bind(", 1),
        ("ssh2_auth_password(", 2), ("oci_connect(", 1), ("imap_open(", 2), ("cookieparser(", 0),
        ("createcipheriv(", 1), ("createcipher(", 1), ("aes.encrypt(", 1), ("aes.decrypt(", 1), ("hashsync(", 0),
        ("comparesync(", 0), ("pbkdf2sync(", 0), ("scryptsync(", 0), ("hmac.new(", 1), ("signedstring(", 0),
        ("credentials.new(", 1), ("credentials::new(", 1), ("get_network_driver(", 2), ("utf8.getbytes(", 0),
        ("fernet(", 0), ("aes.new(", 0), ("hashlib.md5(", 0), ("hashlib.sha256(", 0), ("set_password(", 2),
        ("redis(", 3), ("usernamepasswordtoken(", 1), ("secretkeyspec(", 0), ("credentials(", 3), ("minio(", 2),
        ("searchclient.create(", 1), ("searchclient::create(", 1), ("searchclient(", 1), ("search.newclient(", 1),
        ("oracle.connect(", 1), ("oracledb.connect(", 1), ("oauth1userhandler(", 1), ("oauthhandler(", 1),
        ("setbasicauth(", 1), ("httpdigestauth(", 1), ("passwordauthentication(", 1), ("plainauth(", 2),
    ]

    /// Calls whose argument is a password whatever it looks like.
    private static let certainCalls: [StaticString] = [
        "mysqli_connect(", ".login(", ">login(", "sequelize(", "basicauth(", "basic_auth(", "basic_auth '",
        "basic_auth \"", "create_user(",
        "create_superuser(", "passwordauthentication(", "plainauth(",
        "new pdo(", "mysqli(", "getconnection(", "ftp(", "username_pw_set(", "wifi.begin(", "setcredentials(",
        "passwordcredentials(", "wlan.connect(", "wifi.connect(", "sta.connect(", "sta_if.connect(", "nic.connect(",
        "radio.connect(", "usernamepwset(", "auth=(", "auth = (", "dbi->connect(",
    ]

    func loginCallHit(_ end: Int, argument: Int) {
        var isCertain = Self.certainCalls.contains { text.has($0, at: end - $0.utf8CodeUnitCount) }
        var position = text[end - 1].isQuote ? end - 1 : end
        var account: Range<Int>?
        var argument = argument
        for place in 0..<8 where place <= argument {
            position = text.skipSpace(position)
            if text.has("some(", at: position) { position += 5 }
            if text.has("[]byte(", at: position) { position += 7 }
            if text.quoteDepth(at: position) != nil
                || text.quoteDepth(at: position + 1) != nil && text[position].isLetter
            {
                guard let value = text.readValue(at: position), value.isQuoted else { return }
                // `connect("tcp://db:3306", "kim", "x")`: behind an address stand an account and its password.
                if place == 0, argument == 2, text.find("://", in: value.range) != nil { isCertain = true }
                if place == argument {
                    let isFound = typedSecret(value, rule: "login-call", isCode: true, allowWords: isCertain)
                    if isFound, let account, text.has("directoryentry(", at: end - 15) { addAccount(account) }
                    // `login("host", "kim", "x")`
                    let next = text.skipSpace(value.end)
                    if !isFound, text.has(".login(", at: end - 7), text[next] == 44,
                        case let third = text.skipSpace(next + 1), text.quoteDepth(at: third) != nil,
                        let last = text.readValue(at: third), last.isQuoted
                    {
                        typedSecret(last, rule: "login-call", isCode: true)
                    }
                    return
                }
                if place + 1 == argument { account = value.range }
                position = text.skipSpace(value.end)
            } else {
                guard place < argument else { return }
                // `connect("host", 22, "kim", "x")`
                if place == 1, argument == 2, text[position].isDigit { argument = 3 }
                // An expression: up to the comma that ends it.
                let limit = min(text.count, position + 200)
                var open = 0
                while position < limit, open > 0 || text[position] != 44 {
                    let byte = text[position]
                    if byte == 40 || byte == 91 || byte == 123 { open += 1 }
                    if byte == 41 || byte == 93 || byte == 125 { open -= 1 }
                    if open < 0 || byte == 59 { return }
                    position += 1
                }
            }
            guard text[position] == 44 else { return }
            position += 1
        }
    }

    /// Adds a value that is said to be a secret by its place alone, if it does not look like a word.
    @discardableResult
    func typedSecret(_ value: FoundValue, rule: String, isCode: Bool = false, allowWords: Bool = false) -> Bool {
        let profile = ByteProfile(text, value.range)
        guard profile.length >= 4,
            looksTyped(value.range, besideAccount: true)
                || (allowWords && profile.length >= 6) || isDrawnWords(value.range)
                || ((profile.digits + profile.symbols > 0 || profile.looksRandom)
                    && (profile.digits > 0 || !judge.isWordLike(text, value.range))),
            judge.isSecret(
                text, value, name: KeyName(kind: .password, level: .strong), isCode: isCode, allowWords: allowWords)
        else { return false }
        add(rule, value.range)
        return true
    }

    /// `INSERT INTO table (a, password) VALUES ('x', 'y'), …`: the values under the columns that name secrets.
    func insertHit(_ end: Int) {
        guard let open = text.first(40, in: end..<min(text.count, end + 120)),
            let close = text.first(41, in: open..<min(text.count, open + 2000))
        else { return }
        let names = columnNames(open, close)
        var position = text.skipSpace(close + 1)
        guard text.has("values", at: position) else { return }
        position = text.skipSpace(position + 6)
        guard names.contains(where: { $0.level >= .medium }) else {
            settingRows(open, close, from: position)
            return
        }
        var rows = 0
        while text[position] == 40, rows < 10_000 {
            position += 1
            var place = 0
            while position < text.count {
                position = text.skipSpace(position)
                if text.quoteDepth(at: position) != nil, let value = text.readValue(at: position), value.isQuoted {
                    if place < names.count, judge.isSecret(text, value, name: names[place], isCode: false) {
                        add(Self.ruleID(names[place]), value.range)
                    }
                    position = max(position + 1, value.end)
                }
                while position < text.count, text[position] != 44, text[position] != 41, text[position] != 59 {
                    position += 1
                }
                guard text[position] == 44 else { break }
                position += 1
                place += 1
            }
            guard text[position] == 41 else { return }
            position = text.skipSpace(position + 1)
            guard text[position] == 44 else { return }
            position = text.skipSpace(position + 1)
            rows += 1
        }
    }

    /// The names between two parentheses.
    private func columnNames(_ open: Int, _ close: Int) -> [KeyName] {
        var names: [KeyName] = []
        var column = open + 1
        for index in open + 1...close where text[index] == 44 || index == close {
            var start = column
            var stop = index
            while start < stop, !text[start].isName { start += 1 }
            while stop > start, !text[stop - 1].isName { stop -= 1 }
            names.append(start < stop ? readName(start..<stop) : KeyName())
            column = index + 1
        }
        return names
    }

    /// `COPY table (a, password) FROM stdin;`
    func copyHit(_ start: Int, _ end: Int) {
        let line = text.lineStart(before: start, limit: 2000)
        guard text.has("copy ", at: line), let open = text.first(40, in: line..<start),
            let close = text.first(41, in: open..<start), close > open
        else { return }
        copyRows(columnNames(open, close), after: end)
    }

    /// Rows of PostgreSQL's `COPY … FROM stdin`: fields between tabs, up to `\.`.
    private func copyRows(_ names: [KeyName], after position: Int) {
        guard names.contains(where: { $0.level >= .medium }) else { return }
        var line = text.nextLine(after: text.lineEnd(from: position, limit: 80))
        for _ in 0..<100_000 {
            guard line < text.count, text[line] != 92 || text[line + 1] != 46 else { return }
            var end = line
            while end < text.count, text.base[end] != 10 { end += 1 }
            var field = line
            var place = 0
            for index in line...end where index == end || text[index] == 9 {
                if place < names.count, names[place].level >= .medium, field < index {
                    let value = FoundValue(range: field..<index, quote: 34, end: index)
                    if judge.isSecret(text, value, name: names[place], isCode: false) {
                        add(Self.ruleID(names[place]), value.range)
                    }
                }
                place += 1
                field = index + 1
            }
            line = end + 1
        }
    }

    /// `a1 LOGIN kim x` of IMAP, `AUTH default x` of Redis, `NickServ IDENTIFY kim x`: the line's last word.
    func sessionLoginHit(_ start: Int, _ end: Int) {
        let lineEnd = text.lineEnd(from: end, limit: 200)
        var position = text.skipBlanks(end)
        if text.has("nickserv", at: start) {
            if text.has("nickserv: ", at: start), text[start - 1].isSpace || text[start - 1] == 34 {
                // A setting of that name.
            } else {
                guard text.has("identify ", at: position) else { return }
                position = text.skipBlanks(position + 9)
            }
        }
        for _ in 0..<2 {
            guard position < lineEnd, var value = text.readValue(at: position, context: .word) else { return }
            if !value.isQuoted, let cut = text.first(59, in: value.range), cut > value.range.lowerBound {
                value = FoundValue(range: value.range.lowerBound..<cut, end: cut)
            }
            let rest = text.skipBlanks(value.end)
            if rest >= lineEnd || (rest == value.end && text[rest].isQuote) || text[rest] == 59 {
                typedSecret(value, rule: "session-login")
                return
            }
            position = rest
        }
    }

    /// `net use Z: \\nas\x /user:kim x`, `net user kim x /add`.
    func netUseHit(_ start: Int, _ end: Int) {
        guard !text[start - 1].isWord else { return }
        // `\\nas` holds no line end.
        var lineEnd = end
        while lineEnd < text.count, lineEnd - end < 300, text.base[lineEnd] != 10, text.base[lineEnd] != 13 {
            lineEnd += 1
        }
        var position = end
        var words = 0
        while position < lineEnd, words < 8 {
            position = text.skipBlanks(position)
            guard position < lineEnd else { return }
            let start = position
            while position < lineEnd, !text[position].isSpace { position += 1 }
            let last = text[position - 1]
            if words > 0, text[start] != 47, text[start] != 92, last != 58, last != 42,
                let value = text.readValue(at: start, context: .word)
            {
                // `net user kim x /add`
                let isAdded = words == 1 && text.has("/add", at: text.skipBlanks(value.end))
                typedSecret(value, rule: "command-line", allowWords: isAdded)
            }
            words += 1
        }
    }
}
