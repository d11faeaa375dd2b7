//! Words of titles that do not name a thing, but say something of it.
//
// One line an entry would make pages of it.
#![cfg_attr(rustfmt, rustfmt_skip)]

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

/// What a word says that names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Wanted,
    Broken,
    Included,
    Accessory(&'static str),
    Size(&'static str),
    Qualifier(&'static str),
    Noise,
}

/// `None` of a name. A valuation asks this of some hundred words.
pub fn meaning(word: &str) -> Option<Meaning> {
    static WORDS: LazyLock<FxHashMap<&str, Meaning>> = LazyLock::new(|| {
        let each = |words: &'static [&str], meaning| words.iter().map(move |&word| (word, meaning));
        let noise = each(NOISE, Meaning::Noise);
        let qualifiers = QUALIFIERS.iter().map(|&word| (word, Meaning::Qualifier(word)));
        let sizes = SIZES.iter().map(|&(word, size)| (word, Meaning::Size(size)));
        let accessories = ACCESSORIES.iter().map(|&(word, accessory)| (word, Meaning::Accessory(accessory)));
        let included = each(INCLUDED, Meaning::Included);
        let broken = each(BROKEN, Meaning::Broken);
        let wanted = each(WANTED, Meaning::Wanted);
        // Of a word in several lists, the last counts.
        noise.chain(qualifiers).chain(sizes).chain(accessories).chain(included).chain(broken).chain(wanted).collect()
    });
    WORDS.get(word).copied()
}

/// Whether a set phrase of the reader's may begin with this word: of most words it need not look.
pub fn begins_phrase(word: &str) -> bool {
    static WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| BEGINNINGS.iter().copied().collect());
    WORDS.contains(word)
}

/// Words with a digit in them may too. Debug builds look at every word of every title whether one is missing here.
const BEGINNINGS: &[&str] = &[
    // defects
    "no", "does", "did", "do", "will", "is", "not", "non", "isnt", "doesnt", "didnt", "dont", "wont", "cant", "stopped", "quit", "never",
    "nothing", "turn", "needs", "for", "parts", "water", "liquid", "icloud", "activation",
    // what comes with a thing, and how many there are
    "lot", "set", "pack", "box", "case", "bundle", "with", "w", "+", "plus", "pair", "without", "missing", "and", "manual", "lid", "cover", "empty",
    // what it is
    "f", "size", "sz", "gen", "generation", "mk", "mark", "i", "ii", "iii", "iv", "v", "first", "second", "third", "fourth", "fifth",
    // terms of sale
    "looking", "in", "paid", "retail", "msrp", "asking",
];

/// Articles, colours, praise, conditions, terms of sale: what sellers write of anything.
const NOISE: &[&str] = &[
    // little words
    "a", "an", "and", "the", "of", "in", "on", "at", "by", "to", "from", "or", "is", "it", "its", "this", "that", "my", "your", "our",
    "for", "as", "no", "not", "so", "very", "all", "just", "also", "too", "i", "we", "have", "has", "was", "are", "be", "will", "can", "me",
    "out", "off", "up", "over", "same", "any", "one", "never", "ever", "still", "only", "but",
    // conditions
    "new", "brand", "used", "mint", "nib", "nwt", "nwot", "bnib", "bnwt", "sealed", "unopened", "opened", "excellent", "great", "good", "fair",
    "poor", "perfect", "pristine", "fine", "nice", "clean", "like", "barely", "lightly", "gently", "hardly", "once", "well", "loved",
    "condition", "cond", "shape", "working", "works", "work", "tested", "functional", "fully", "refurbished", "refurb", "renewed", "cosmetic",
    "scratches", "scratch", "worn", "wear", "flawless", "immaculate", "quality", "preowned", "pre", "owned", "grade", "vgc", "euc", "guc",
    "ok", "okay", "decent", "super",
    // praise and urgency
    "beautiful", "gorgeous", "lovely", "amazing", "awesome", "stunning", "wow", "look", "rare", "best", "must", "go", "see",
    "sell", "selling", "sale", "sold", "bargain", "deal", "steal", "cheap", "price", "priced", "reduced", "firm", "obo", "ono", "offer", "offers",
    "negotiable", "neg", "today", "asap", "quick", "fast", "now", "moving", "need", "gone", "read", "description", "desc", "details", "pics",
    "pictures", "photos", "limited", "special", "retail", "msrp", "save", "value", "worth", "gift", "perfectly", "paid", "low", "balls", "lowball", "lowballs", "lowballers", "great", "packaging", "package",
    "box", "boxed", "complete", "own", "lots", "lot's",
    // delivery and payment
    "free", "shipping", "ship", "ships", "shipped", "delivery", "deliver", "pickup", "pick", "local", "cash", "venmo", "paypal", "porch",
    "collection", "available", "avail", "curb", "giveaway", "smoke", "pet", "home", "house",
    // provenance
    "ram", "ssd", "storage", "authentic", "genuine", "original", "official", "oem", "factory", "warranty", "receipt", "unlocked", "carrier",
    "old", "year", "years", "yr", "yrs", "model", "edition", "version", "series", "style", "type", "item",
    // colours
    "black", "white", "silver", "grey", "gray", "blue", "red", "green", "gold", "golden", "pink", "purple", "yellow", "orange", "brown",
    "beige", "navy", "teal", "graphite", "midnight", "starlight", "charcoal", "cream", "ivory", "tan", "turquoise", "maroon", "burgundy",
    "violet", "lavender", "cyan", "magenta", "bronze", "copper", "color", "colour", "matte", "glossy",
];

/// They come before what is included.
const INCLUDED: &[&str] = &["with", "w", "incl", "including", "includes", "included", "plus+", "+", "&"];

/// What is bought for another thing, and what it is called here.
const ACCESSORIES: &[(&str, &str)] = &[
    ("case", "case"), ("cases", "case"), ("cover", "cover"), ("covers", "cover"), ("charger", "charger"), ("chargers", "charger"),
    ("cable", "cable"), ("cables", "cable"), ("cord", "cable"), ("adapter", "adapter"), ("adaptor", "adapter"), ("strap", "strap"),
    ("straps", "strap"), ("protector", "protector"), ("protectors", "protector"), ("holder", "holder"), ("mount", "mount"),
    ("bracket", "mount"), ("skin", "skin"), ("decal", "skin"), ("replacement", "replacement"), ("spare", "replacement"),
    ("manual", "manual"), ("earpads", "earpads"), ("eartips", "earpads"), ("sleeve", "sleeve"), ("pouch", "sleeve"), ("attachment", "attachment"),
    ("attachments", "attachment"), ("accessory", "accessory"), ("accessories", "accessory"), ("slipcover", "cover"), ("faceplate", "cover"), ("filter", "filter"), ("filters", "filter"), ("fits", "part"), ("compatible", "part"), ("insert", "part"), ("dock", "dock"), ("toner", "toner"), ("extras", "accessory"), ("remote", "remote"),
];

const BROKEN: &[&str] = &[
    "broken", "faulty", "cracked", "damaged", "defective", "spares", "repair", "repairs", "untested", "dead", "salvage", "bricked",
    "blacklisted", "inoperable", "malfunctioning", "nonfunctional", "nonworking", "scrap",
];

/// What a broken thing does not.
pub const WORKS: &[&str] = &[
    "work", "works", "working", "functional", "function", "functioning", "charge", "charging", "turn", "turning", "power", "powering", "boot",
    "booting", "start", "starting", "hold", "holding", "cool", "cooling", "heat", "heating", "spin", "spinning", "print", "printing",
];

const WANTED: &[&str] = &["wanted", "wtb", "iso"];

/// They tell a model from its siblings.
pub const QUALIFIERS: &[&str] = &[
    "pro", "max", "plus", "mini", "ultra", "lite", "air", "se", "fe", "slim", "digital", "oled", "deluxe", "premium", "elite", "sport", "junior",
    "jr", "ti", "compact", "advanced", "basic", "standard", "studio", "prime", "signature", "ii", "iii", "iv",
];

/// Sizes as words.
const SIZES: &[(&str, &str)] = &[
    ("small", "s"), ("medium", "m"), ("large", "l"), ("xs", "xs"), ("full", "full"), ("xlarge", "xl"), ("xl", "xl"), ("xxl", "xxl"), ("twin", "twin"), ("queen", "queen"),
    ("king", "king"),
];

/// What a unit measures, and its one spelling.
pub fn unit(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "gb" | "gig" | "gigs" => ("storage", "gb"),
        "tb" => ("storage", "tb"),
        "mb" => ("storage", "mb"),
        "in" | "inch" | "inches" => ("length", "in"),
        "cm" => ("length", "cm"),
        "mm" => ("millimetres", "mm"),
        "ft" | "feet" | "foot" => ("length", "ft"),
        "oz" => ("weight", "oz"),
        "lb" | "lbs" => ("weight", "lb"),
        "kg" => ("weight", "kg"),
        "l" | "liter" | "liters" | "litre" | "litres" => ("volume", "l"),
        "qt" | "quart" | "quarts" => ("volume", "qt"),
        "ml" => ("volume", "ml"),
        "gal" | "gallon" => ("volume", "gal"),
        "cup" | "cups" => ("volume", "cup"),
        "w" | "watt" | "watts" => ("power", "w"),
        "kw" => ("power", "kw"),
        "v" | "volt" => ("voltage", "v"),
        "mah" => ("charge", "mah"),
        "ah" => ("charge", "ah"),
        "wh" => ("charge", "wh"),
        "hz" => ("frequency", "hz"),
        "mp" => ("resolution", "mp"),
        "cc" => ("displacement", "cc"),
        _ => return None,
    })
}

/// What is counted of a thing, as a variant of it.
pub fn counted(name: &str) -> Option<&'static str> {
    Some(match name {
        "seat" | "seater" | "seats" => "seat",
        "drawer" | "drawers" => "drawer",
        "door" => "door",
        "person" => "person",
        "burner" => "burner",
        "speed" => "speed",
        "shelf" => "shelf",
        "tier" => "tier",
        "piece" => "piece",
        "key" | "keys" => "key",
        "core" => "core",
        "bay" => "bay",
        "channel" => "channel",
        "string" => "string",
        _ => return None,
    })
}

/// Ages are no measures.
pub fn is_time_unit(name: &str) -> bool {
    matches!(
        name,
        "year" | "years" | "yr" | "yrs" | "month" | "months" | "mo" | "week" | "weeks" | "day" | "days" | "hours" | "hrs" | "owner" | "miles"
    )
}

/// A number that is written out, from two on, in digits.
pub fn number(word: &str) -> Option<&'static str> {
    Some(match word {
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        _ => return None,
    })
}

/// What a thing itself is for.
pub const PURPOSES: &[&str] = &[
    "sale", "parts", "trade", "kids", "men", "mens", "women", "womens", "girls", "boys", "adults", "adult", "toddler", "toddlers", "baby", "dogs",
    "cats", "outdoor", "indoor", "travel", "gaming", "work", "office", "beginners", "repair", "kitchen", "bedroom", "camping", "garden",
];
