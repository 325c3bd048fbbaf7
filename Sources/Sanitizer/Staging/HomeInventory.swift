internal import Support
internal import SystemPackage

/// What a home holds and what the policy says about it, before anything is read.
struct HomeInventory {
    struct Item: Sendable {
        /// Relative to the home.
        var path: [UInt8]
        var kind: FileStatus.Kind
        var stamp: FileStamp
        var decision: PolicyDecision
        /// Where it stands among the items; names its file in the staging folder.
        var index = 0

        init(path: [UInt8], kind: FileStatus.Kind, stamp: FileStamp, decision: PolicyDecision) {
            self.path = path
            self.kind = kind
            self.stamp = stamp
            self.decision = decision
        }

        init(path: [UInt8], status: FileStatus, decision: PolicyDecision) {
            self.init(path: path, kind: status.kind, stamp: FileStamp(status), decision: decision)
        }
    }

    /// Regular files and symlinks that are not skipped, and folders that lie too deep for any backup to hold what is in them. Sorted.
    var items = HomeItems()
    /// Files that only the harvest reads: skipped, but with secrets in them.
    var harvestOnly = HomeItems()
    /// Symlinks whose names, or what stands below them, say that they lead to secrets.
    var harvestLinks: [[UInt8]] = []
    /// The folders that were looked into.
    var watch = HarvestWatch()
    var irregular: [Manifest.Irregular] = []
    var skippedRules: Set<Manifest.Skipped> = []
    /// Every skipped path, folders that were not entered with a `/` at their end; only on request.
    var skipped = HomeItems()
    /// Folders and files that could not be looked at.
    var failures: [OperatorError] = []
    /// What the operator should know of the harvest.
    var warnings: [String] = []

    init(_ home: FilePath, policy: Policy, listingSkipped: Bool, cancellation: CancellationFlag) throws {
        var inventory = HomeInventoryBuilder(policy: policy, listingSkipped: listingSkipped)
        inventory.watch.note([], try? ConfinedDirectory(home).statusFollowingLinks([]))
        try DirectoryWalk(home).run { entry in
            try cancellation.check()
            return inventory.visit(entry.path, entry.status)
        } failing: { path, error in
            // A folder whose content the policy does not want may be closed to us.
            if path.isEmpty { throw error }
            if policy.decision(for: path + Array("/\u{1}".utf8)).action == .skip, !policy.harvests(below: path) {
                return
            }
            inventory.failures.append(error)
        }
        items = inventory.items.sorted()
        harvestOnly = inventory.harvestOnly
        harvestLinks = inventory.harvestLinks
        watch = inventory.watch
        irregular = inventory.irregular
        skippedRules = inventory.skippedRules
        skipped = inventory.skipped
        failures = inventory.failures
    }
}

private struct HomeInventoryBuilder {
    let policy: Policy
    let listingSkipped: Bool
    var items = HomeItems()
    var harvestOnly = HomeItems()
    var harvestLinks: [[UInt8]] = []
    var watch = HarvestWatch()
    var irregular: [Manifest.Irregular] = []
    var skippedRules: Set<Manifest.Skipped> = []
    var skipped = HomeItems()
    var failures: [OperatorError] = []
    /// The folder, with its `/`, that is walked for the harvest alone.
    private var harvested: [UInt8]?

    init(policy: Policy, listingSkipped: Bool) {
        self.policy = policy
        self.listingSkipped = listingSkipped
    }

    mutating func visit(_ path: [UInt8], _ status: FileStatus) -> DirectoryWalk.Decision {
        if let harvested, path.starts(with: harvested) { return visitForHarvest(path, status) }
        switch status.kind {
        case .directory:
            if let decision = policy.pruning(path) {
                let folder = path + [UInt8(ascii: "/")]
                skip(folder, status, decision)
                guard policy.mayHarvest(below: path) else { return .prune }
                harvested = folder
                watch.note(path, status)
                return .descend
            }
            watch.note(path, status)
            guard path.count > PathRule.longest else { return .descend }
            items.append(HomeInventory.Item(path: path, status: status, decision: policy.decision(for: path)))
        case .file, .symlink:
            let decision = policy.decision(for: path)
            let item = HomeInventory.Item(path: path, status: status, decision: decision)
            if status.kind == .symlink { noteLink(path, decision) }
            if decision.action == .skip {
                skip(path, status, decision)
                if decision.harvest != .none, status.kind == .file { harvestOnly.append(item) }
            } else {
                items.append(item)
            }
        case .fifo, .socket, .device:
            let decision = policy.decision(for: path)
            if decision.action == .skip {
                skip(path, status, decision)
            } else {
                irregular.append(Manifest.Irregular(path: path, kind: status.kind))
            }
        }
        return .prune
    }

    private mutating func visitForHarvest(_ path: [UInt8], _ status: FileStatus) -> DirectoryWalk.Decision {
        if status.kind == .directory {
            guard policy.mayHarvest(below: path) else { return .prune }
            watch.note(path, status)
            return .descend
        }
        let decision = policy.decision(for: path)
        if status.kind == .symlink { noteLink(path, decision) }
        if decision.harvest != .none, status.kind == .file {
            harvestOnly.append(HomeInventory.Item(path: path, status: status, decision: decision))
        }
        return .prune
    }

    private mutating func noteLink(_ path: [UInt8], _ decision: PolicyDecision) {
        if decision.harvest != .none || policy.harvests(below: path) { harvestLinks.append(path) }
    }

    private mutating func skip(_ path: [UInt8], _ status: FileStatus, _ decision: PolicyDecision) {
        skippedRules.insert(Manifest.Skipped(rule: decision.rule, reason: decision.reason))
        if listingSkipped { skipped.append(HomeInventory.Item(path: path, status: status, decision: decision)) }
    }
}
