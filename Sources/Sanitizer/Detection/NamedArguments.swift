/// What calls set by a name and a value: `setenv("NAME", "x")`, `define('NAME', 'x')`, `flag.String("password", "x", "what for")`,
/// and what an option declares as its default: `.option("password", { default: "x" })`.
extension DetectionPass {
    /// Functions whose first string is a name and whose second is the value that it gets, whatever the value looks like.
    private static let setters = WordTable(
        """
        setenv putenv setenvironmentvariable setproperty setdefault define set_option setoption add_option addoption
        update_option updateoption update_site_option add_site_option setconfig set_config config_set configset
        setconfigvalue putstring putextra setstring writestring setitem buildconfigfield resvalue withenv
        addenv add_env env setvar set_var setprop setsecret set_secret addsecret add_secret setparameter set_parameter
        string stringvar stringp stringvarp define_string define_flag absl_flag option setsetting set_setting register_setting
        registersetting regwrite withsetting with_env environment envvar putenvironment addenvironment setsystemproperty
        setitemasync setpassword environ_set setattr
        """
        .split(whereSeparator: \.isWhitespace).map { (String($0), UInt32(1)) })

    private static let bareSetters: [StaticString] = ["buildconfigfield", "resvalue", "putenv", "setenv", "define"]

    /// Go's functions for options with a short form, which stands between the name and the default.
    private static let shortened = WordTable([("stringp", 1), ("stringvarp", 1)])

    /// The name in `range` is an argument in quotes, and the string at `value` the next one.
    func setterValue(_ range: Range<Int>, _ value: FoundValue) -> Bool {
        guard let setter = setter(before: range) else { return false }
        let name = weigh(range)
        guard name.level >= .medium, name.kind != .none else { return false }
        var value = value
        if Self.shortened.flags(text, setter) != 0 {
            let next = text.skipBlanks(value.end)
            guard value.range.count <= 1, text[next] == 44, let third = text.readValue(at: next + 1), third.isQuoted
            else { return false }
            value = third
        }
        guard !value.range.isEmpty, text[value.range.lowerBound] != 45, !isReference(value) else { return false }
        if let groups = groupedPassword(value, name) {
            add(Self.ruleID(name), groups)
            return true
        }
        guard judge.isSecret(text, value, name: name, isCode: true, nameRange: range) else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `WORDPRESS_APP_PASSWORD` and groups of four or more with blanks between.
    func groupedPassword(_ value: FoundValue, _ name: KeyName) -> Range<Int>? {
        guard name.level >= .medium, text.first(32, in: value.range) != nil,
            let groups = groupedSecret(at: value.range.lowerBound) ?? groupedKey(at: value.range.lowerBound),
            groups == value.range
        else { return nil }
        return groups
    }

    /// The word before the parenthesis that the quoted name in `range` follows, if it sets things: the name is the first argument, or
    /// stands after one that is no name: `&password, "password"`, `"String", "PASSWORD"`. Groovy and Ruby do without parentheses:
    /// `set :password, 'x'`.
    private func setter(before range: Range<Int>) -> Range<Int>? {
        var index = range.lowerBound
        while text[index - 1].isQuote || text[index - 1] == 92 { index -= 1 }
        let isSymbol = index == range.lowerBound && text[index - 1] == 58 && text[index - 2] == 32
        if isSymbol { index -= 1 }
        guard index < range.lowerBound else { return nil }
        while text[index - 1].isBlank { index -= 1 }
        var first: Int?
        if text[index - 1] == 44 {
            let floor = max(0, index - 60)
            index -= 1
            while index > floor, text[index - 1].isWord || text[index - 1].isOne(of: " &*.\"'") { index -= 1 }
            first = text.skipBlanks(index)
        }
        if text[index - 1] == 40 { return calledWord(before: index - 1) }
        if isSymbol, first == nil {
            return text.has("set", at: index - 3) && !text[index - 4].isWord ? index - 3..<index : nil
        }
        return Self.bareSetters.lazy.compactMap { word in
            let start = first ?? index - word.utf8CodeUnitCount
            let end = start + word.utf8CodeUnitCount
            return self.text.has(word, at: start) && self.text[end].isBlank && !self.text[start - 1].isWord
                ? start..<end : nil
        }.first
    }

    private func calledWord(before end: Int) -> Range<Int>? {
        var first = end
        while first > 0, end - first < 32, text[first - 1].isWord { first -= 1 }
        guard first < end, Self.setters.flags(text, first..<end) != 0 else { return nil }
        return first..<end
    }

    /// `"$PASSWORD"` and the like.
    private func isReference(_ value: FoundValue) -> Bool { judge.isNeverSecret(text, value.range) }

    /// `DEFINE_string(password, "x", "what for")`, `ABSL_FLAG(std::string, password, "x", "")`: the name stands in no quotes.
    func declaredFlag(_ range: Range<Int>, _ position: Int) -> Bool {
        var index = range.lowerBound
        if text[index - 1] == 32, text[index - 2] == 44 {
            let floor = max(0, index - 40)
            index -= 2
            while index > floor, text[index - 1].isWord || text[index - 1] == 58 { index -= 1 }
        }
        let start = text.skipBlanks(position)
        guard text[index - 1] == 40, let word = calledWord(before: index - 1),
            text.has("define_", at: word.lowerBound) || text.has("absl_flag", at: word.lowerBound)
        else { return false }
        return takeString(at: start, namedBy: range)
    }

    /// Takes the string that starts just there, if it is a secret under the name in `range`.
    private func takeString(at start: Int, namedBy range: Range<Int>) -> Bool {
        guard text.quoteDepth(at: start) != nil, let value = text.readValue(at: start), value.isQuoted,
            case let name = weigh(range), name.level >= .medium,
            judge.isSecret(text, value, name: name, isCode: true, nameRange: range)
        else { return false }
        add(Self.ruleID(name), value.range)
        return true
    }

    /// `"--password", help="…", default="x")`, `Arg::new("password").default_value("x")`: the default that a declaration gives the
    /// option that is named in quotes before `position`.
    func optionDefault(_ range: Range<Int>, _ position: Int) -> Bool {
        let limit = min(text.count, position + 240)
        var index = position
        var depth = 0
        while index < limit {
            let byte = text[index]
            if byte == 40 || byte == 91 || byte == 123 { depth += 1 }
            if byte == 41 || byte == 93 || byte == 125 { depth -= 1 }
            // A chain of calls goes on after the first is closed.
            if depth < -1 || byte == 59 || (depth < 0 && byte == 44) { return false }
            if text.quoteDepth(at: index) != nil, let string = text.readValue(at: index), string.isQuoted {
                index = max(string.end, index + 1)
                continue
            }
            guard byte | 32 == 100, text.has("default", at: index), !text[index - 1].isWord else {
                index += 1
                continue
            }
            index += 7
            if text[index] == 95 { index += 1 }
            if text.has("value", at: index) { index += 5 }
            index = text.skipBlanks(index)
            return text[index].isOne(of: "(=:") && takeString(at: text.skipBlanks(index + 1), namedBy: range)
        }
        return false
    }
}
