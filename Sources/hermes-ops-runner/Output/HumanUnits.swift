internal import Support

/// Amounts as people read them.
enum HumanUnits {
    /// `512 B`, `3.4 MiB`.
    static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(oneDecimal(value)) \(units[unit])"
    }

    /// `0.4 s`, `14 s`, `3 min 20 s`, `5 h`, `12 d`.
    static func duration(_ duration: Duration) -> String {
        let seconds = duration.inSeconds
        if seconds < 0 { return "-" + self.duration(.zero - duration) }
        if seconds < 10 { return "\(oneDecimal(seconds)) s" }
        let whole = Int64(seconds)
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s"
        case ..<86400:
            let minutes = whole % 3600 / 60
            return minutes == 0 ? "\(whole / 3600) h" : "\(whole / 3600) h \(minutes) min"
        default:
            let hours = whole % 86400 / 3600
            return hours == 0 ? "\(whole / 86400) d" : "\(whole / 86400) d \(hours) h"
        }
    }

    /// `1 file`, `2 files`.
    static func count(_ count: Int, _ noun: String) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
