/// A first look at a systemd OnCalendar expression (systemd.time(7), "Calendar Events"): its shape and the ranges of its numbers.
/// systemd-analyze has the last word, where it is there.
enum CalendarExpression {
    static let help =
        "a systemd calendar expression, such as daily, weekly, \"*-*-* 03:15:00\", \"Mon..Fri 22:30\", \"*:0/15\""

    private static let names: Set<String> = [
        "minutely", "hourly", "daily", "monthly", "weekly", "yearly", "annually", "quarterly", "semiannually",
        "semi-annually",
    ]

    static func isPlausible(_ text: String) -> Bool {
        var words = text.split(separator: " ").map(String.init)
        guard !words.isEmpty, text.utf8.count <= 256 else { return false }
        if words.count > 1, isTimeZone(words[words.count - 1]) { words.removeLast() }
        if words.count == 1, names.contains(words[0].lowercased()) { return true }
        if isWeekdays(words[0]) { words.removeFirst() }
        if let first = words.first, !first.contains(":") {
            guard isDate(first) else { return false }
            words.removeFirst()
        }
        if let first = words.first {
            guard isTime(first) else { return false }
            words.removeFirst()
        }
        return words.isEmpty
    }

    private static func isWeekdays(_ text: String) -> Bool {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        let long = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        let parts = text.lowercased().replacing("..", with: ",").replacing("-", with: ",").split(
            separator: ",", omittingEmptySubsequences: false)
        // A comma may end the list: "Mon,Wed, *-*-* 10:00".
        return parts.enumerated().allSatisfy { index, part in
            days.contains(String(part)) || long.contains(String(part))
                || (part.isEmpty && index == parts.count - 1 && index > 0)
        }
    }

    private static func isDate(_ text: String) -> Bool {
        // `~` counts days from the end of the month, in place of the last hyphen.
        let parts = text.replacing("~", with: "-").split(separator: "-", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else { return false }
        let ranges = [1970...2199, 1...12, 1...31].suffix(parts.count)
        return zip(parts, ranges).allSatisfy {
            isComponent(String($0), $1) || ($1 == 1970...2199 && isComponent(String($0), 0...99))
        }
    }

    private static func isTime(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else { return false }
        return zip(parts, [0...23, 0...59, 0...59]).allSatisfy { isComponent(String($0), $1) }
    }

    /// `*`, or a list of numbers and ranges `a..b`, each with an optional `/step`.
    private static func isComponent(_ text: String, _ range: ClosedRange<Int>) -> Bool {
        func number(_ text: Substring) -> Bool {
            let whole = text.prefix { $0 != "." }
            let fraction = text.dropFirst(whole.count + 1)
            return Int(whole).map(range.contains) ?? false && fraction.allSatisfy { $0.isASCII && $0.isNumber }
        }
        return text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { item in
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count) else { return false }
            if parts.count == 2, (Double(parts[1]) ?? 0) <= 0 { return false }
            if parts[0] == "*" { return true }
            let bounds = parts[0].split(separator: "..", omittingEmptySubsequences: false)
            return (1...2).contains(bounds.count) && bounds.allSatisfy(number)
        }
    }

    private static func isTimeZone(_ text: String) -> Bool {
        if text == "UTC" { return true }
        guard let first = text.first, first.isASCII, first.isUppercase, text.contains("/") else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/_+-".contains($0)) }
    }
}
