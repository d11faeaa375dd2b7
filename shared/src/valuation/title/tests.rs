use super::*;

fn words(title: &str) -> Vec<String> {
    Title::read(title).words.into_iter().map(|word| word.text).collect()
}

#[test]
fn a_title_is_read_the_same_however_it_is_written() {
    for (one, other) in [
        ("Sony WH-1000XM4 headphones", "SONY wh1000xm4 Headphones!!"),
        ("Sony WH-1000XM4 headphones", "sony WH 1000XM4 headphones, black, must go (obo)"),
        ("Apple iPhone 12 64GB", "apple IPHONE 12 - 64 gb - like new 10/10"),
        ("Apple iPhone 12 Pro 256GB", "Apple iPhone 12pro 256 GB $400"),
        ("Samsung 55\" TV", "Samsung 55 inch TV - 2 years old"),
        ("Samsung 55\" TV", "Samsung 55 in TV"),
        ("Apple iPhone 12 64GB", "apple iphone 12 in great condition, 64GB"),
        ("Apple iPhone 12 64GB", "Apple iPhone 12 w/ case 64 GB in black"),
        ("Zentro DCD 3800", "Zentro DCD 3800 in original box"),
        ("Nintendo Switch", "Nintendo Switch w/ 3 games"),
        ("Sony PlayStation 5 1TB", "Sony PlayStation 5 with 2 controllers and 10 games, 1 TB"),
        ("HP Envy x360 laptop", "HP Envy x360 2-in-1 laptop"),
        ("MacBook Air M2 8GB RAM 256GB", "MacBook Air M2 8/256"),
        ("Canon EF 50mm f1.8", "Canon EF 50mm f/1.8"),
        ("Canon 24mm f2.8L", "Canon 24mm f/2.8L"),
        ("Levis 501 34x32", "Levi's 501 34 x 32"),
        ("AirPods Max usb", "AirPods Max, USB-C"),
        ("Nirvana tshirt", "Nirvana T-shirt"),
        ("KitchenAid mixer 5 qt", "KitchenAid mixer 5quart 100% working"),
        ("Levi's 501 jeans", "levis 501 Jeans"),
        ("iPad 2nd gen", "ipad gen 2"),
        ("ThinkPad T480 8GB RAM 256GB", "ThinkPad T480 8/256GB"),
    ] {
        let (one, other) = (Title::read(one), Title::read(other));
        assert_eq!(
            (&one.words, &one.measures, &one.qualifiers),
            (&other.words, &other.measures, &other.qualifiers)
        );
    }
    assert_eq!(words("Apple iPhone 12 64GB"), ["apple", "iphone", "iphone12"]);
    assert_eq!(words("iPhone 11 & iPhone 12"), ["iphone", "iphone11", "12"]);
    assert!(Title::read("Sony WH-1000 XM4").is_same_code(&Title::read("sony wh1000xm4")));
}

#[test]
fn what_comes_with_a_thing_is_told_from_what_is_for_it() {
    for (title, offer) in [
        ("iPhone 12 64GB with case and charger", Offer::Item),
        ("iPhone 12 no charger", Offer::Item),
        ("iPhone 12 without box, missing cable", Offer::Item),
        ("iPhone 12, case and charger included", Offer::Item),
        ("Dell laptop and charger", Offer::Item),
        ("Case for iPhone 12", Offer::Accessory("case".into())),
        ("iPhone 12 charger and cable", Offer::Accessory("charger".into())),
        ("iPhone 12 screen protector", Offer::Accessory("protector".into())),
        ("iPhone 12 box only", Offer::Accessory("box".into())),
        ("iPhone 12 for parts", Offer::Broken),
        ("iPhone 12 cracked screen", Offer::Broken),
        ("iPhone 12 no longer works", Offer::Broken),
        ("iPhone 12, won't power on", Offer::Broken),
        ("iPhone 12 not charging", Offer::Broken),
        ("Whirlpool freezer stopped cooling", Offer::Broken),
        ("iPhone 12 non-functional", Offer::Broken),
        ("iPhone 12 stopped working", Offer::Broken),
        ("iPhone 12 water damage", Offer::Broken),
        ("iPhone 12 iCloud locked", Offer::Broken),
        ("Yamaha receiver, does not turn on", Offer::Broken),
        ("Trek 520 needs work", Offer::Broken),
        ("Yamaha receiver, no power", Offer::Broken),
        ("Yamaha receiver, no power cord", Offer::Item),
        ("iPhone 12 not cracked, nothing broken", Offer::Item),
        ("iPhone 12 no longer needed, works great", Offer::Item),
        ("Lot of 3 iPhone 12", Offer::Lot(3)),
        ("Two Poang chairs", Offer::Lot(2)),
        ("3 seat sofa", Offer::Item),
        ("iPhone 12 x2", Offer::Lot(2)),
        ("Nintendo Switch bundle", Offer::Bundle),
        ("WTB iPhone 12", Offer::Wanted),
    ] {
        assert_eq!(Title::read(title).offer, offer, "{title}");
    }
    assert!(terms("Case for iPhone 12").iter().all(|term| term.starts_with("case:")));
}

#[test]
fn any_text_is_a_title() {
    for title in [
        "",
        "!!!",
        "\"",
        "$",
        "7",
        "$5",
        "10/",
        "size",
        "日本語 ソファ",
        "ŻÓŁĆ 12",
        "a\u{301}",
        &"x1 ".repeat(90),
    ] {
        let terms = terms(title);
        assert!(terms.len() <= MOST_TERMS, "{title}");
    }
}

#[test]
fn slips_of_the_pen_are_the_same_word_and_other_words_are_not() {
    let word = |text: &str| Word { text: text.into(), coded: text.contains(|c: char| c.is_ascii_digit()) };
    for (one, other, like) in [
        ("iphone", "ihpone", true),
        ("kallax", "kalax", true),
        ("kallax", "kallix", true),
        ("desk", "disk", false),
        ("kallax", "malmax", false),
        ("r5", "eosr5", true),
        ("iphone12", "iphone13", false),
        ("12", "iphone12", true),
        ("12", "model512", false),
    ] {
        let (one, other) = (word(one), word(other));
        let is_like = |one: &Word, other: &Word| one.is_same(other) || one.is_slip_of(other);
        assert_eq!((is_like(&one, &other), is_like(&other, &one)), (like, like), "{one:?} {other:?}");
    }
}
