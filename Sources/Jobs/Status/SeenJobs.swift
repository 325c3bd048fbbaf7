internal import Foundation
public import Support
public import SystemPackage

/// When each declared job was first seen with its schedule, in `STATE/jobs-seen.json`: from then on one that never ran can be late.
public struct SeenJobs: Codable, Sendable {
    private struct Job: Codable, Hashable {
        var schedule: String
        var since: Timestamp
    }

    private var jobs: [String: Job] = [:]

    private static func path(_ stateDirectory: FilePath) -> FilePath { stateDirectory.appending("jobs-seen.json") }

    /// What is known; nothing where the file is missing or damaged: then the jobs are seen for the first time.
    static func read(_ stateDirectory: FilePath) -> SeenJobs {
        guard let bytes = try? FileSystem.read(path(stateDirectory), limit: 1 << 20, followingLinks: false) else {
            return SeenJobs()
        }
        return (try? JSONDecoder().decode(SeenJobs.self, from: Data(bytes))) ?? SeenJobs()
    }

    /// Since when a job is declared with a schedule; nil where that was not noted yet.
    func since(_ job: String, schedule: String) -> Timestamp? {
        jobs[job].flatMap { $0.schedule == schedule ? $0.since : nil }
    }

    /// Notes the jobs that are new or have another schedule, and forgets those that are gone.
    public static func note(_ declared: [JobDeclaration], stateDirectory: FilePath, now: Timestamp) throws {
        let before = read(stateDirectory)
        var after = SeenJobs()
        for job in declared {
            guard let schedule = job.schedule else { continue }
            // What lies ahead was noted by another clock than this one.
            let since = before.since(job.name, schedule: schedule).flatMap { $0 <= now ? $0 : nil }
            after.jobs[job.name] = Job(schedule: schedule, since: since ?? now)
        }
        guard after.jobs != before.jobs else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try FileSystem.replace(path(stateDirectory), with: Array(try encoder.encode(after)) + [10])
    }
}
