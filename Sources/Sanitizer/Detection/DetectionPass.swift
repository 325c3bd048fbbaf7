/// One pass over one text: the anchors' hits come in, findings go out. The rules for each syntax are extensions of this class, one
/// file each.
final class DetectionPass {
    let text: ByteText
    let rules: RuleSet
    let syntax: Syntax
    let scratch: ScanScratch
    /// How many encodings deep this text was wrapped in the scanned file.
    let depth: Int
    /// The file's path; empty for what is no file's whole text.
    let name: [UInt8]
    var found: [Finding] = []
    /// Compressed content in base64, the lines of each.
    var packed: [[Range<Int>]] = []
    /// The end of the last name that was looked at: a name holds several anchors and is read once.
    var nameEnd = 0
    /// Ends of what was read whole by rules that walk far, so that they walk once.
    var encodedEnd = 0
    var blockEnd = 0
    /// The heading's end and the last row's end of the table read last.
    var pendingTable: (heading: Int, end: Int) = (0, 0)
    /// A name at or after this offset is in no table that was read, or in its heading.
    var tableEnd: Int { nameEnd <= pendingTable.heading ? 0 : pendingTable.end }
    var mnemonicEnd = 0
    var cookieEnd = 0
    /// How far `-----END` was looked for, and where it was found last.
    var armourEnds: (searched: Int, found: Int) = (0, -1)
    var listEnd = 0
    var deviceEnd = 0
    /// The end of the note that was read last.
    var noteEnd = 0
    /// What the name under the scan is, when its letters are escaped.
    var forcedName: KeyName?
    var documentEnd = 0

    let judge: ValueJudge
    let lexicon: NameLexicon
    /// No line that begins before this one's end heads a table.
    var untabledEnd = 0
    /// Where `kty`, which makes an object a JSON Web Key, was looked for, and where it was found last.
    var keyTypes: (searched: Int, last: Int) = (0, -1 << 30)
    /// The vendor's name that was met last.
    var lastVendor = -1_000_000 ..< -1_000_000

    init(
        _ text: ByteText, rules: RuleSet, syntax: Syntax, scratch: ScanScratch, depth: Int, name: [UInt8] = []
    ) {
        self.name = name
        self.text = text
        self.rules = rules
        self.syntax = syntax
        self.scratch = scratch
        self.depth = depth
        judge = rules.judge
        lexicon = rules.lexicon
    }

    /// What the name in `range` says about its value.
    func readName(_ range: Range<Int>) -> KeyName {
        var name = scratch.name(text, range, lexicon)
        guard !name.hasVendor else { return name }
        if range.contains(lastVendor.lowerBound), range.count <= lastVendor.count + 24 {
            // A vendor's name within a longer word: `algoliasearch`.
            name.hasVendor = true
            if name.kind == .none, name.level == .none, !lexicon.endsInTail(text, range),
                lexicon.isPlain(text, range)
            {
                name.kind = .key
                name.level = .weak
            }
        } else if name.kind == .key, name.level == .weak, range.count <= 8,
            range.lowerBound - lastVendor.upperBound < 200, !lexicon.isUbiquitous(text, lastVendor)
        {
            // `key: x` within a line or two of the vendor's name.
            name.hasVendor = true
        } else if name.kind == .key, name.level == .weak, text.has("x-", at: range.lowerBound),
            !["cache", "surrogate", "idempot"].contains(where: { (word: StaticString) in
                text.find(word, in: range) != nil
            })
        {
            // `X-Checkout-Key`: a header's key is an API's.
            name.hasVendor = true
        } else if name.kind == .key, name.level == .weak, range.count == 3, text[range.upperBound] == 39,
            text.find("crypt", in: max(0, range.lowerBound - 40)..<range.lowerBound) != nil
        {
            // `'crypt' => ['key' => 'x']`
            name.hasVendor = true
        } else if name.kind == .key, name.level == .weak, range.count == 3, text[range.upperBound] == 34,
            text.find("\"user", in: max(0, range.lowerBound - 120)..<range.lowerBound) != nil
        {
            // `{"username": "kim", "key": "x"}`
            name.hasVendor = true
        }
        return name
    }

    func run() throws {
        let rules = rules
        var hits = rules.anchors.hits(in: text)
        while let hit = hits.next() { try handle(rules.actions[hit.id], start: hit.start, end: hit.end) }
        try scanLongRuns()
        scanKeyArray()
        scanEnvironment()
        scanLoneTokens()
        scanByName()
        scanRepeats()
        extendScalars()
        joinLiterals()
        dropWithinBase64()
    }

    private func handle(_ action: RuleSet.Action, start: Int, end: Int) throws {
        switch action {
        case .name: try nameHit(start, end)
        case .vendor:
            lastVendor = start..<end
            try nameHit(start, end)
            vendorLine(start, end)
        case .shortName:
            // Two or three letters are a name only as a word of their own; a chip has 44 pins.
            let before = text[start - 1]
            let after = text[end]
            guard !after.isLetter, !before.isDigit || !text.has("pin", at: start),
                !before.isLetter || (text[start].isUpper && before.isLower) || text.isTokenStart(start)
            else { return }
            try nameHit(start, end)
        case .token(let index, let glue): if mayBegin(start, glue) { try tokenHit(rules.tokens[index], start) }
        case .authority: urlHit(start, end)
        case .authorization: authorizationSchemeHit(start, end)
        case .cookie: cookieHit(start, end)
        case .keyBlock: keyBlockHit(start, end)
        case .keyBytes: keyBytesHit(start)
        case .packed: packedHit(start)
        case .puttyKey: puttyKeyHit(start, end)
        case .flag: commandFlagHit(start, end - 1)
        case .hash: hashHit(start)
        case .ldapHash: ldapHashHit(end)
        case .mnemonic: mnemonicHit(start, end)
        case .recoveryCodes: recoveryCodesHit(start, end)
        case .encoded(let form): try encodedHit(start, end, form)
        case .encodedScript: try encodedScriptHit(end)
        case .jwkMember: jwkHit(start, end)
        case .cookieFile: cookieFileHit(start)
        case .loginPair: loginPairHit(start, end)
        case .pgpass: pgpassHit(start, end)
        case .sql: sqlHit(start, end)
        case .asRole: asRoleHit(start, end)
        case .loginCall(let argument): loginCallHit(end, argument: argument)
        case .insert: insertHit(end)
        case .sessionLogin: sessionLoginHit(start, end)
        case .netUse: netUseHit(start, end)
        case .echo: echoHit(start, end)
        case .hereString: hereStringHit(start, end)
        case .code: codeHit(start, end)
        case .slashPair: slashPairHit(start, end)
        case .addressPair: addressPairHit(start, end)
        case .networkNote: networkNoteHit(end)
        case .commentedKey: commentedKeyHit(start, end)
        case .printer: printerHit(start, end)
        case .inputCall: inputCallHit(start, end)
        case .dashNote: dashNoteHit(start, end)
        case .loginWord: if !text[start - 1].isWord { loginWordHit(end) }
        case .escapedName(let kind):
            forcedName = KeyName(kind: kind, level: kind == .key ? .medium : .strong)
            defer { forcedName = nil }
            try nameHit(start, end)
        case .apartName:
            // Its first part was read as a name of its own.
            nameEnd = min(nameEnd, start)
            forcedName = KeyName(kind: .password, level: .strong)
            defer { forcedName = nil }
            try nameHit(start, end)
        case .apiName:
            // `weather_api = "x"`: what is drawn at random is a key for it.
            forcedName = KeyName(kind: .key, level: .weak)
            defer { forcedName = nil }
            try nameHit(start, end)
        case .kubernetesSecret: kubernetesHit(start, end)
        case .copyTable: copyHit(start, end)
        case .deviceLine: deviceLineHit(start, end)
        case .accountPair: accountPairHit(start, end)
        case .loginAs: loginAsHit(end)
        default: placeHit(action, start, end)
        }
    }

    private func placeHit(_ action: RuleSet.Action, _ start: Int, _ end: Int) {
        switch action {
        case .withJoint: withJointHit(start, end)
        case .picture: pictureHit(end)
        case .spokenName: spokenNameHit(start, end)
        case .groupedCode: groupedCodeHit(end)
        case .loginLabel: loginLabelHit(start, end)
        case .hostNote: hostNoteHit(start, end)
        case .shortPasswordFlag: shortPasswordFlagHit(start, end)
        case .accessList: accessListHit(end)
        case .monitor: monitorHit(end)
        case .resourceMacro: resourceMacroHit(end)
        case .pathToken: pathTokenHit(start, end)
        case .community: communityHit(start, end)
        case .encrypt: encryptHit(text[end - 1] == 61 || text[end - 1] == 58 ? end - 1 : end)
        case .mavenMaster: mavenMasterHit(end)
        case .cipherKey: cipherKeyHit(start, end)
        case .oracleConnect: oracleConnectHit(end)
        case .openUser: openUserHit(end)
        case .pressedKeys: pressedKeysHit(end)
        case .otherOne: otherOneHit(end)
        case .change: changeHit(start, end)
        case .arrowNote: arrowNoteHit(start, end)
        case .securityQuestion: securityQuestionHit(end)
        case .secretID: secretIDHit(start, end)
        case .charArray: charArrayHit(start)
        case .cookieObject: cookieObjectHit(start)
        case .secureString: secureStringHit(start, end)
        case .decodedKey: decodedKeyHit(start, end)
        case .robotInput: robotInputHit(start, end)
        case .relayLogin: relayLoginHit(end)
        case .setPassword: setPasswordHit(end)
        case .serverLine: serverLineHit(end)
        case .slashLogin: slashLoginHit(end)
        case .clientCall: clientCallHit(end)
        case .sourceName: sourceNameHit(start)
        case .easyConnect: easyConnectHit(start)
        case .loginModule: loginModuleHit(end)
        case .passwordLines: passwordLinesHit(end)
        case .targetLogin: targetLoginHit(end)
        case .storeField: storeFieldHit(start)
        case .privateHex: privateHexHit(end)
        case .loginProcedure: loginProcedureHit(end)
        case .note: noteHit(start, end)
        case .heredoc: heredocHit(start, end)
        case .privateKeyHex: privateKeyHexHit(end)
        case .socks: socksHit(end)
        case .accountAnd: accountAndHit(end)
        case .shortFields: shortFieldsHit(start, end)
        case .secretObject: secretObjectHit(end)
        case .basicPair: pairAfter(text.skipBlanks(end))
        case .typedWord: typedWordHit(end)
        case .plainExchange: plainExchangeHit(end)
        case .usersMap: usersMapHit(start, end)
        case .opens: opensHit(start, end)
        default: break
        }
    }

    func add(_ rule: String, _ range: Range<Int>, needsQuotes: Bool = false) {
        assert(rules.ids.contains(rule), "markers know no rule \(rule)")
        guard range.lowerBound >= 0, range.upperBound <= text.count, !range.isEmpty else { return }
        // `name,sha256=…,123` of a package's list of files.
        if text[range.lowerBound - 1] == 61, text.has(",sha256", at: range.lowerBound - 8) { return }
        found.append(Finding(rule: rule, range: range, needsQuotes: needsQuotes))
    }

    // MARK: Token formats

    /// Whether a token that may be glued so may begin at `start`.
    func mayBegin(_ start: Int, _ glue: TokenRule.Glue) -> Bool {
        switch glue {
        case .any: true
        case .afterUnderscore: text[start - 1] == UInt8(ascii: "_") || text.isTokenStart(start)
        case .none: text.isTokenStart(start)
        }
    }

    /// The keyword of a rule stands at `keyword`, where its token may begin.
    func tokenHit(_ rule: TokenRule, _ keyword: Int) throws {
        if rule.isAnchored, !rule.mayMatch(text, at: keyword) { return }
        let start = rule.isAnchored ? keyword : max(0, keyword - rule.lookBack)
        let end = min(text.count, keyword + rule.window)
        guard
            let match = try rule.pattern.match(
                in: text, from: start, to: end, anchored: rule.isAnchored, scratch: scratch.matches)
        else { return }
        let secret = match.secret
        let body =
            rule.isAnchored && secret.lowerBound == keyword
            ? min(secret.upperBound, secret.lowerBound + rule.prefixLength)..<secret.upperBound : secret
        if rule.skipsPlaceholders, isMaskOrPlaceholder(body) { return }
        add(rule.id, secret)
    }

    /// A token's body that is a mask or an example: one byte over and over, `xxxx`, `…`, our own markers.
    func isMaskOrPlaceholder(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return true }
        if text[range.lowerBound] == 60, text[range.upperBound - 1] == 62 { return true }
        let profile = ByteProfile(text, range)
        // `xxxx`, `****`, `0000`; a token of one other letter is an odd token.
        if profile.length >= 6, profile.isOfTwoBytes,
            range.allSatisfy({ text[$0].isOne(of: "xX*._-0#") })
        {
            return true
        }
        var run = 1
        for index in range.dropFirst() {
            run = text[index] == text[index - 1] && lowered(text[index]) == UInt8(ascii: "x") ? run + 1 : 1
            if run >= 8 { return true }
        }
        for word in ["example", "your", "redacted", "placeholder", "changeme"] as [StaticString]
        where text.find(word, in: range) != nil {
            return profile.length < 60
        }
        return false
    }

    /// The findings, ordered, overlaps merged: of two that overlap the union stays, under the rule of the longer.
    static func merged(_ findings: [Finding]) -> [Finding] {
        guard findings.count > 1 else { return findings }
        let sorted = findings.sorted {
            ($0.range.lowerBound, $1.range.upperBound, $0.rule) < ($1.range.lowerBound, $0.range.upperBound, $1.rule)
        }
        var result: [Finding] = []
        for finding in sorted {
            guard var last = result.last, finding.range.lowerBound < last.range.upperBound else {
                result.append(finding)
                continue
            }
            if finding.range.upperBound > last.range.upperBound {
                if finding.range.count > last.range.count { last.rule = finding.rule }
                last.range = last.range.lowerBound..<finding.range.upperBound
                last.needsQuotes = last.needsQuotes && finding.needsQuotes
                result[result.count - 1] = last
            }
        }
        return result
    }
}
