internal import Support

/// Ages are differences between the records' clock and this one: where the two disagree, an old backup would count as fresh for years.
enum ClockRule {
    /// How far a record may lie ahead: a clock that is corrected jumps a little.
    static let tolerance = Duration.seconds(300)

    static let rule = WatchdogRule(title: "The clock agrees with the records", codes: ["clock-wrong"]) { context in
        let runs = context.readings.description.jobs.compactMap { job in
            [job.lastRun?.finishedAt, job.lastRun?.lastSuccessAt].compactMap(\.self).max().map { (job.name, $0) }
        }
        guard let latest = runs.max(by: { $0.1 < $1.1 }) else { return .inapplicable }
        guard latest.1 - context.now > tolerance else { return .fine }
        return .found([
            Finding(
                "clock-wrong", .critical, "/generatedAt",
                "A run of \(Slug(making: latest.0)) ended at \(latest.1), which this clock has not reached: it is wrong, or was then"
            )
        ])
    }
}
