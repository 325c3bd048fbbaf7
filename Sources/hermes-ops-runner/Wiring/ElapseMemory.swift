internal import Foundation
internal import Jobs
internal import Support
internal import SystemPackage

/// Answers about schedules, kept in `STATE/elapses.json` from one run to the next: asking systemd costs a process each time, and what
/// elapses next after a moment stays the same until it has.
actor ElapseMemory {
    private struct Answer: Codable {
        /// The moment it was asked for.
        var after: Int64
        /// The next one; nil: never again.
        var next: Int64?

        func holds(at moment: Int64) -> Bool { after <= moment && next.map { moment < $0 } ?? true }
    }

    private struct Book: Codable {
        /// The machine's time zone, by which most expressions go.
        var zone: String
        var answers: [String: [Answer]] = [:]
    }

    /// So many answers are kept for a schedule: what it is asked about is its last start and now.
    private static let limit = 4

    private let file: FilePath
    private let ask: NextElapseFunction
    private var book: Book
    private var isChanged = false

    init(file: FilePath, ask: @escaping NextElapseFunction) {
        self.file = file
        self.ask = ask
        book = Self.read(file)
    }

    func nextElapse(_ expression: String, after moment: Timestamp) async -> NextElapse {
        if let known = book.answers[expression]?.first(where: { $0.holds(at: moment.seconds) }) {
            return known.next.map { .at(Timestamp(seconds: $0)) } ?? .never
        }
        let answer = await ask(expression, moment)
        switch answer {
        case .at(let next): note(Answer(after: moment.seconds, next: next.seconds), for: expression)
        case .never: note(Answer(after: moment.seconds, next: nil), for: expression)
        case .unknown: break
        }
        return answer
    }

    private func note(_ answer: Answer, for expression: String) {
        isChanged = true
        book.answers[expression] = Array(([answer] + (book.answers[expression] ?? [])).prefix(Self.limit))
    }

    /// Keeps what is known of the given schedules, with what another process has found out meanwhile. A memory that cannot be kept is
    /// asked anew.
    func save(schedules: [String]) {
        guard isChanged else { return }
        let theirs = Self.read(file)
        var kept = Book(zone: book.zone)
        for schedule in schedules {
            let answers = (book.answers[schedule] ?? []) + (theirs.answers[schedule] ?? [])
            // Newest first, each moment once.
            var seen: Set<Int64> = []
            let newest = answers.sorted { $0.after > $1.after }.filter { seen.insert($0.after).inserted }
            if !newest.isEmpty { kept.answers[schedule] = Array(newest.prefix(Self.limit)) }
        }
        guard let text = try? JSONEncoder().encode(kept) else { return }
        try? FileSystem.replace(file, with: Array(text))
        isChanged = false
    }

    /// An empty one where there is none, or where it was made in another zone.
    private static func read(_ file: FilePath) -> Book {
        let local = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/etc/localtime")) ?? ""
        let zone = "\(ProcessInfo.processInfo.environment["TZ"] ?? "") \(local)"
        guard let bytes = try? FileSystem.read(file, limit: 1 << 20, followingLinks: false),
            let book = try? JSONDecoder().decode(Book.self, from: Data(bytes)), book.zone == zone
        else { return Book(zone: zone) }
        return book
    }
}

extension Configuration {
    /// The schedules of its jobs, each once.
    var schedules: [String] { Set(jobs.compactMap(\.schedule)).sorted() }
}
