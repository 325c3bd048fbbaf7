/// Names and strings side by side, as Lisps, Elixir and the like bind them: `(def token "x")`, `(setq my-token "x")`, `{:token "x"}`,
/// `("token" . "x")`, `@token "x"`.
extension DetectionPass {
    private static let binders = WordTable(
        """
        def defn define defvar defvar-local defparameter defconst defconstant defonce define-constant define-parameter setq setf setq-local
        setq-default setopt setenv set set! putenv custom-set-variables customize-set-variable parameterize defvaralias cons list
        """
        .split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })

    /// The string at `position` stands right behind the name.
    func boundString(_ range: Range<Int>, _ position: Int) -> Bool {
        guard text[position] == 34 || text[position] == 92, text.quoteDepth(at: position) != nil,
            let bound = binding(range), let value = text.readValue(at: position), value.isQuoted
        else { return false }
        let next = text[text.skipSpace(value.end)]
        switch bound {
        case .definition: break
        case .pair: guard next == 41 else { return false }
        case .member: guard next != 44 || syntax.isCode else { return false }
        }
        let name = weigh(range)
        guard name.level > .none, judge.isSecret(text, value, name: name, isCode: true, nameRange: range) else {
            return false
        }
        if bound == .pair, !looksTyped(value.range, besideAccount: true),
            !judge.isToken(text, value.range, ByteProfile(text, value.range), allowHex: true), syntax != .code
        {
            return false
        }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `("token" . "x")`: the string after the dot at `position`.
    func dottedPair(_ range: Range<Int>, _ position: Int) -> Bool {
        let start = text.skipBlanks(position + 1)
        guard start > position + 1, text.quoteDepth(at: start) != nil, text[position - 1] == 32,
            let value = text.readValue(at: start), value.isQuoted, text[text.skipSpace(value.end)] == 41
        else { return false }
        let name = weigh(range)
        guard name.level > .none, judge.isSecret(text, value, name: name, isCode: true, nameRange: range) else {
            return false
        }
        add(Self.ruleID(name), value.range)
        return true
    }

    private enum Binding { case definition, pair, member }

    /// How the name in `range` is bound to what follows it.
    private func binding(_ range: Range<Int>) -> Binding? {
        var before = range.lowerBound - 1
        // `*token*`, `+token+`; a name in quotes; `'token` and `@token`.
        while text[before].isOne(of: "*+\"'\\") { before -= 1 }
        if text[before] == 58 {
            return text[before - 1].isOne(of: " ({[,\n\t") || text.isLineEscape(at: before - 2) ? .member : nil
        }
        if text[before] == 64, text[before - 1].isOne(of: " \n\t") { return .member }
        if text[before] == 40 || text[before] == 91 { return .pair }
        guard text[before].isBlank else { return nil }
        for _ in 0..<3 {
            while text[before].isBlank { before -= 1 }
            let end = before + 1
            while before >= 0, end - before < 32, !text[before].isSpace, !text[before].isOne(of: "([") { before -= 1 }
            let word = before + 1..<end
            guard !word.isEmpty else { return nil }
            // `^:private`, `^String`
            if text[word.lowerBound] == 94 { continue }
            return text[before] == 40 && Self.binders.flags(text, word) != 0 ? .definition : nil
        }
        return nil
    }
}
