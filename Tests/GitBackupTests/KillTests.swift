import Dispatch
import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import GitBackup

/// Commits in a process of its own that is killed with SIGKILL: after each phase, and at random instants. Exit tests re-execute this
/// test program; the environment tells the child what to do.
@Suite("Killed commits", .serialized, .timeLimit(.minutes(10)))
struct KillTests {
    private static let pathVariable = "HERMES_OPS_TEST_REPOSITORY"
    private static let phaseVariable = "HERMES_OPS_TEST_PHASE"
    private static let delayVariable = "HERMES_OPS_TEST_DELAY"
    private static let roundVariable = "HERMES_OPS_TEST_ROUND"
    /// HERMES_OPS_STRESS: 1 for hundreds of rounds, or how many.
    private static let stress = getenv("HERMES_OPS_STRESS").flatMap { Int(String(cString: $0)) }

    /// What the child commits in a round: many changes, additions and removals.
    private static func files(_ round: Int) -> [String: String] {
        var files = Fixture.many(round % 3 == 0 ? 30 : 150, "\(round / 2)")
        files["round"] = "\(round)"
        if round % 2 == 1 { files["d1"] = nil }
        for index in 0..<20 where (index + round) % 3 == 0 { files["moving/\(index)/x"] = "\(round)" }
        return files
    }

    private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    /// Runs in the child: commits and is killed on the way; if it gets to the end it kills itself there.
    private static func commitAndDie() async throws {
        let path = FilePath(variable(pathVariable))
        let phase = variable(phaseVariable)
        if let delay = Int(variable(delayVariable)) {
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) { kill(getpid(), SIGKILL) }
        }
        let settings = BackupRepository.Settings(
            path: path, remote: try RemoteAddress(path.removingLastComponent().appending("remote.git").string),
            identity: Fixture.identity)
        let repository = try BackupRepository(settings) { reached in
            if reached.rawValue == phase { kill(getpid(), SIGKILL) }
        }
        _ = try await repository.prepare(Fixture.access())
        _ = try await repository.commit(
            Fixture.entries(files(Int(variable(roundVariable)) ?? 0)), at: Fixture.time
        ) { _ in "Round" }
        kill(getpid(), SIGKILL)
    }

    private func round(_ number: Int, _ fixture: Fixture, phase: String = "", delay: Int? = nil) async throws {
        setenv(Self.pathVariable, fixture.work.string, 1)
        setenv(Self.phaseVariable, phase, 1)
        setenv(Self.delayVariable, delay.map(String.init) ?? "", 1)
        setenv(Self.roundVariable, "\(number)", 1)
        await #expect(processExitsWith: .signal(SIGKILL)) { try await KillTests.commitAndDie() }
    }

    /// What must hold the moment after the kill: whole for git, and at a whole commit, the old one or the new.
    private func requireWhole(_ fixture: Fixture, _ number: Int) async throws {
        guard (try? FileStatus(at: fixture.work.appending(".git/HEAD"))) != nil else { return }
        let check = try await Git.output(["fsck", "--full", "--strict"], in: fixture.work)
        #expect(check.isSuccess, "round \(number): \(check.errors)")
        let names = try await Git.output(["ls-tree", "-r", "--name-only", "HEAD"], in: fixture.work)
        guard names.isSuccess else { return }
        let count = names.text.split(separator: "\n").count
        let possible = (0...number).map { Self.files($0).count }
        #expect(possible.contains(count))
    }

    /// The next run needs no help, and leaves nothing of ours behind.
    private func requireHealed(_ fixture: Fixture, _ number: Int) async throws {
        try await fixture.commit(Self.files(number))
        try await fixture.requireSound()
        let baseline = try await fixture.repository.baseline()
        #expect(baseline.files.count == Self.files(number).count)
        let left = try DirectoryListing.names(at: fixture.work.appending(".git/hermes-ops"))
        #expect(left == [Array("lock".utf8), Array("written".utf8)])
        let packs = try DirectoryListing.names(at: fixture.work.appending(".git/objects/pack"))
        #expect(!packs.contains { $0.starts(with: Array("tmp_".utf8)) })
    }

    @Test("After each phase of a first and of a later commit")
    func phases() async throws {
        for phase in BackupRepository.Phase.allCases {
            let fixture = try await Fixture()
            for number in [1, 2] {
                try await round(number, fixture, phase: phase.rawValue)
                try await requireWhole(fixture, number)
            }
            try await requireHealed(fixture, 4)
        }
    }

    @Test("At random instants, again and again without a repair between them")
    func random() async throws {
        let rounds = Self.stress.map { $0 > 1 ? $0 : 300 } ?? 20
        let fixture = try await Fixture()
        var generator = SplitMix(state: 7)
        for number in 1...rounds {
            try await round(number, fixture, delay: Int.random(in: 0..<150_000, using: &generator))
            try await requireWhole(fixture, number)
            if number % 4 == 0 { try await requireHealed(fixture, number) }
        }
        try await requireHealed(fixture, rounds)
    }

    @Test("A power cut while the work tree is written: what the disk never got is written again")
    func powerCut() async throws {
        let fixture = try await Fixture()
        for number in [1, 2] {
            try await round(number, fixture, phase: BackupRepository.Phase.treeWritten.rawValue)
            for index in 30..<60 { try fixture.lose("d\(index % 7)/file\(index)", after: index % 10) }
            try await requireHealed(fixture, number)
        }
    }

    @Test("An edit in the folder between the kill and the next run is kept and reported")
    func editAfterKill() async throws {
        let fixture = try await Fixture()
        try await fixture.commit(Self.files(1))
        try await round(2, fixture, phase: BackupRepository.Phase.branchMoved.rawValue)
        try fixture.folder.write("work/hermes_persistent_backup/round", "mine")
        let error = await Fixture.failure { try await fixture.commit(Self.files(3)) }
        #expect(error?.type == "git.dirty")
        let path = fixture.work.appending("hermes_persistent_backup/round")
        #expect(try FileSystem.read(path, limit: 100) == Array("mine".utf8))
        try fixture.folder.write("work/hermes_persistent_backup/round", "2")
        try await requireHealed(fixture, 3)
    }
}

/// SplitMix64: small, seeded, the same on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
