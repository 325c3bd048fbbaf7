internal import Support

/// `freshness`: what was restored is not older than the job allows.
enum FreshnessCheck {
    static func run(takenAt: Timestamp?, limit: Duration?, now: Timestamp) -> CheckFinding {
        guard let takenAt else { return .unknown("the backup does not say when it was taken") }
        let age = now - takenAt
        let measured = ["rpoSeconds": age.wholeMilliseconds / 1000]
        if age < .seconds(-300) { return .failed("the backup is dated in the future: \(takenAt)", measured) }
        guard let limit else { return .passed(measured) }
        guard age <= limit else {
            return .failed(
                "the backup is \(age.wholeMilliseconds / 3_600_000) h old, \(limit.wholeMilliseconds / 3_600_000) h are allowed",
                measured)
        }
        return .passed(measured)
    }
}
