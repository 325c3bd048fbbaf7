public import Support

/// What `prune` does with each item of a store, and why.
public struct PrunePlan: Sendable, Equatable {
    public enum Action: String, Sendable {
        case keep, delete
        /// Not a verified bundle of this instance: prune has no say in it.
        case ignore
    }

    public struct Decision: Sendable, Equatable {
        public var item: StoredItem
        public var action: Action
        /// For people: the rules that keep it, or why it goes or is left alone.
        public var reason: String
    }

    /// Newest first.
    public var decisions: [Decision]

    public var deletions: [StoredItem] { decisions.filter { $0.action == .delete }.map(\.item) }

    /// Applies keep rules to the verified bundles of one instance.
    ///
    /// Throws if the listing is incomplete: what is not listed might be what should be kept.
    public init(_ listing: StoreListing, instance: String, rules: KeepRules, now: Timestamp) throws {
        if var gap = listing.gaps.first {
            gap.reason += "; nothing is deleted"
            throw gap
        }
        let sorted = listing.items.sorted(by: Self.isNewer)
        let candidates = sorted.filter { $0.properties.instance == instance && $0.isVerified }
        let reasons = rules.reasons(for: candidates.map(\.properties.created), now: now)
        var byID: [String: [String]] = [:]
        for (item, reasons) in zip(candidates, reasons) { byID[item.id] = reasons }
        decisions = sorted.map { item in
            guard let reasons = byID[item.id] else {
                return Decision(
                    item: item, action: .ignore,
                    reason: item.properties.instance == instance
                        ? item.doubt
                        : "belongs to instance \(printable(item.properties.instance, limit: 40))")
            }
            // Whatever the rules say, the newest one that is known to be whole stays.
            let isNewest = item.id == candidates.first?.id
            let all = reasons + (isNewest ? ["newest verified"] : [])
            return Decision(
                item: item, action: all.isEmpty ? .delete : .keep,
                reason: all.isEmpty ? "no rule keeps it" : all.joined(separator: ", "))
        }
    }

    /// Newer first; of equal age, the greater id first, so that the order does not depend on the store's.
    static func isNewer(_ left: StoredItem, _ right: StoredItem) -> Bool {
        // Of those of one second the one with the higher number: NAME-10, NAME-2, NAME.
        (left.properties.created, left.id.utf8.count, left.id) > (
            right.properties.created, right.id.utf8.count, right.id
        )
    }
}

extension Store {
    /// Lists, decides and deletes. With `dryRun` nothing is deleted.
    ///
    /// Before the first deletion every bundle that is kept is looked at once more: if one is gone or no longer whole, nothing is
    /// deleted. The first deletion that fails ends the call.
    @discardableResult
    public func prune(instance: String, rules: KeepRules, now: Timestamp, dryRun: Bool) async throws -> PrunePlan {
        let plan = try PrunePlan(await list(instance: instance), instance: instance, rules: rules, now: now)
        guard !dryRun, !plan.deletions.isEmpty else { return plan }
        // The newest is always among them.
        for kept in plan.decisions where kept.action == .keep {
            try Task.checkCancellation()
            guard let confirmed = try await item(kept.item.id), confirmed.isVerified,
                confirmed.properties == kept.item.properties
            else {
                throw OperatorError(
                    "kept-unconfirmed", doing: "pruning", subject: label,
                    reason:
                        "\(printable(kept.item.name, limit: 200)), which is to be kept, could not be confirmed, so nothing is deleted",
                    advice: "look at the store, then run prune again")
            }
        }
        for item in plan.deletions {
            try Task.checkCancellation()
            try await delete(item)
        }
        return plan
    }
}
